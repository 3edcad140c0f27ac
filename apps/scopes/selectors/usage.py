"""What refers to windows, calendars and locations.

Policies stand above this app, so whoever refers to a window says so by registering a
question here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.urls import reverse

from apps.scopes.models import TimeWindow


class Kind(StrEnum):
    """What can be referred to."""

    WINDOW = "window"
    LOCATION = "location"
    CALENDAR = "calendar"


@dataclass(frozen=True)
class Use:
    """One place that refers to it: what it is called, and how it uses it."""

    label: str
    how: str
    url: str


Finder = Callable[[Kind, str], Iterable[Use]]
_finders: list[Finder] = []


def register(finder: Finder) -> None:
    """Ask a finder as well from now on."""
    if finder not in _finders:
        _finders.append(finder)


def uses_of(kind: Kind, slug: str) -> list[Use]:
    """Return everything that refers to a window, location or calendar."""
    found = [use for finder in _finders for use in finder(kind, slug)]
    if kind is Kind.CALENDAR:
        found += _windows_with(slug)
    return found


def _windows_with(slug: str) -> list[Use]:
    found = []
    for window in TimeWindow.objects.order_by("slug"):
        for name, how in (
            ("closed_calendars", "its days are closed"),
            ("open_calendars", "its days are open"),
        ):
            if slug in getattr(window, name):
                url = reverse("admin:scopes_timewindow_change", args=[window.pk])
                found.append(Use(f"Window “{window.name}”", how, url))
    return found
