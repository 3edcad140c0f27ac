"""When something that is scheduled begins to count, as people are told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from django.utils import timezone

from apps.policies.choices import PolicyState
from apps.policies.models import PolicyVersion
from apps.scopes import selectors as scopes


@dataclass(frozen=True)
class Effective:
    """A moment, the zone to read it in, and whether it is still to come."""

    at: dt.datetime
    zone: str
    is_later: bool


def effective_at(
    at: dt.datetime, windows: Collection[str] = (), now: dt.datetime | None = None
) -> Effective:
    """Return a moment in the zone of these windows, or that of the tenant."""
    moment = now or timezone.now()
    return Effective(at, scopes.zone_to_tell(windows), at > moment)


def effective(
    version: PolicyVersion, now: dt.datetime | None = None
) -> Effective | None:
    """Return when an approved version of a live policy begins to count, if later."""
    at = version.effective_from
    if at is None or version.policy.state != PolicyState.LIVE:
        return None
    found = effective_at(at, version.content["windows"], now)
    return found if found.is_later else None
