"""Create and change windows and locations."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import IntegrityError, transaction

from apps.audit import services as audit
from apps.audit.events import Actor
from apps.outbox import services as outbox
from apps.scopes import rules
from apps.scopes.errors import (
    LocationNotFoundError,
    SlugFixedError,
    SlugTakenError,
    WindowNotFoundError,
)
from apps.scopes.events import ScopesAction, ScopesTopic
from apps.scopes.models import Location, TimeWindow
from apps.scopes.rules import LocationSpec, WindowSpec
from apps.tenants.services import require_tenant_id


@transaction.atomic
def save_window(
    *, actor: Actor, spec: WindowSpec, window_id: uuid.UUID | None = None
) -> TimeWindow:
    """Create a time window, or change the one that is named.

    Raises an InvalidError that names the field, SlugTakenError, WindowNotFoundError.
    """
    wanted = rules.check_window(spec)
    window = _locked_window(window_id)
    before = _window_state(window) if window_id else None
    _keep_slug(window.slug, wanted.slug)
    for name in _WINDOW_FIELDS:
        setattr(window, name, getattr(wanted, name))
    window.weekdays = list(wanted.weekdays)
    after = _window_state(window)
    if before == after:
        return window
    _write(window)
    _announce(
        actor,
        ScopesAction.WINDOW_CHANGED if before else ScopesAction.WINDOW_CREATED,
        ("TimeWindow", window.slug),
        before,
        after,
    )
    return window


@transaction.atomic
def save_location(
    *, actor: Actor, spec: LocationSpec, location_id: uuid.UUID | None = None
) -> Location:
    """Create a location, or change the one that is named.

    Raises an InvalidError that names the field, SlugTakenError, LocationNotFoundError.
    """
    wanted = rules.check_location(spec)
    location = _locked_location(location_id)
    before = _location_state(location) if location_id else None
    _keep_slug(location.slug, wanted.slug)
    location.slug, location.name = wanted.slug, wanted.name
    location.cidrs, location.countries = list(wanted.cidrs), list(wanted.countries)
    after = _location_state(location)
    if before == after:
        return location
    _write(location)
    _announce(
        actor,
        ScopesAction.LOCATION_CHANGED if before else ScopesAction.LOCATION_CREATED,
        ("Location", location.slug),
        before,
        after,
    )
    return location


_WINDOW_FIELDS = (
    *("slug", "name", "zone", "start_minute", "end_minute"),
    *("date_from", "date_until"),
)


def _locked_window(window_id: uuid.UUID | None) -> TimeWindow:
    if window_id is None:
        return TimeWindow(tenant_id=require_tenant_id())
    try:
        return TimeWindow.objects.select_for_update().get(pk=window_id)
    except TimeWindow.DoesNotExist as error:
        raise WindowNotFoundError from error


def _locked_location(location_id: uuid.UUID | None) -> Location:
    if location_id is None:
        return Location(tenant_id=require_tenant_id())
    try:
        return Location.objects.select_for_update().get(pk=location_id)
    except Location.DoesNotExist as error:
        raise LocationNotFoundError from error


def _keep_slug(current: str, wanted: str) -> None:
    if current and current != wanted:
        raise SlugFixedError(field="slug")


def _write(row: TimeWindow | Location) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        if "_slug_unique" in str(error):
            raise SlugTakenError(
                f"“{row.slug}” is in use already.", field="slug"
            ) from error
        raise


def _window_state(window: TimeWindow) -> dict[str, Any]:
    state = {name: getattr(window, name) for name in _WINDOW_FIELDS}
    for name in ("date_from", "date_until"):
        state[name] = state[name].isoformat() if state[name] else None
    return state | {"weekdays": list(window.weekdays)}


def _location_state(location: Location) -> dict[str, Any]:
    return {
        "slug": location.slug,
        "name": location.name,
        "cidrs": list(location.cidrs),
        "countries": list(location.countries),
    }


def _announce(
    actor: Actor,
    action: ScopesAction,
    target: tuple[str, str],
    before: dict[str, Any] | None,
    after: dict[str, Any],
) -> None:
    audit.append(
        actor=actor,
        action=action,
        target_type=target[0],
        target_id=target[1],
        before=before,
        after=after,
    )
    outbox.enqueue(topic=ScopesTopic.CHANGED, payload={}, coalesce_key="scopes")
