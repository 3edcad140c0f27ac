"""Create, change and delete locations."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction

from apps.audit.events import Actor
from apps.scopes import rules
from apps.scopes.errors import LocationNotFoundError
from apps.scopes.events import ScopesAction
from apps.scopes.models import Location
from apps.scopes.rules import LocationSpec
from apps.scopes.selectors.usage import Kind
from apps.scopes.services import writing
from apps.tenants.services import require_tenant_id

_FIELDS = (
    *("slug", "name", "cidrs", "countries", "cities", "latitude", "longitude"),
    *("radius", "node_groups", "unknown_matches"),
)
_ALWAYS = ("slug", "name", "cidrs", "countries")


@transaction.atomic
def save_location(
    *, actor: Actor, spec: LocationSpec, location_id: uuid.UUID | None = None
) -> Location:
    """Create a location, or change the one that is named.

    Raises an InvalidError that names the field, SlugTakenError, LocationNotFoundError.
    """
    wanted = rules.check_location(spec)
    location = _locked(location_id)
    before = _state(location) if location_id else None
    writing.keep_slug(location.slug, wanted.slug)
    _fill(location, wanted)
    after = _state(location)
    if before == after:
        return location
    writing.write(location)
    writing.announce(
        actor,
        ScopesAction.LOCATION_CHANGED if before else ScopesAction.LOCATION_CREATED,
        ("Location", location.slug),
        before,
        after,
    )
    return location


@transaction.atomic
def delete_location(*, actor: Actor, location_id: uuid.UUID) -> None:
    """Delete a location that nothing refers to.

    Raises LocationNotFoundError and InUseError, which names what refers to it.
    """
    location = _locked(location_id)
    writing.refuse_if_used(Kind.LOCATION, location.slug)
    before = _state(location)
    location.delete()
    writing.announce(
        actor,
        ScopesAction.LOCATION_DELETED,
        ("Location", before["slug"]),
        before,
        None,
    )


def _locked(location_id: uuid.UUID | None) -> Location:
    if location_id is None:
        return Location(tenant_id=require_tenant_id())
    try:
        return Location.objects.select_for_update().get(pk=location_id)
    except Location.DoesNotExist as error:
        raise LocationNotFoundError from error


def _fill(location: Location, spec: LocationSpec) -> None:
    location.slug, location.name = spec.slug, spec.name
    location.cidrs, location.countries = list(spec.cidrs), list(spec.countries)
    location.cities = [[city.country, city.name] for city in spec.cities]
    fence = spec.fence
    location.latitude = fence.latitude if fence else None
    location.longitude = fence.longitude if fence else None
    location.radius = fence.radius if fence else None
    location.node_groups = list(spec.node_groups)
    location.unknown_matches = spec.unknown_matches


def _state(location: Location) -> dict[str, Any]:
    """Return a location as the audit trail keeps it; what says nothing is left out."""
    state = {name: getattr(location, name) for name in _FIELDS}
    return {
        name: list(value) if isinstance(value, list) else value
        for name, value in state.items()
        if name in _ALWAYS or (value is not False and value not in ([], None))
    }
