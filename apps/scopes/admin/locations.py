"""Locations: the editor, a map, and a place to try an address."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.forms import Form
from django.http import HttpRequest
from django.utils import timezone
from typing_extensions import override

from apps.accounts.permissions import actor_of
from apps.scopes import selectors, services
from apps.scopes.admin.removing import RemovableAdmin
from apps.scopes.forms import LocationForm, PlaceForm, city_lines
from apps.scopes.models import Location
from apps.scopes.rules import degrees_text
from apps.scopes.rules.sentences import location_sentence
from apps.scopes.rules.worldmap import HEIGHT, WIDTH, country_names, world_map
from apps.scopes.selectors.usage import Kind
from apps.signin import adapters
from engine.places import Whereabouts, contains, reasons

_MICRO = 10**6
_OLD_DAYS = 35
_PARTS = {
    "cidrs": "Address ranges",
    "countries": "Countries",
    "cities": "Cities",
    "fence": "Circle",
    "node_groups": "Node groups",
}
_ANSWERS = {True: "matches", False: "does not match", None: "is unknown"}


@admin.register(Location)
class LocationAdmin(RemovableAdmin[Location]):
    """Locations."""

    list_display = ["name", "slug", "ranges", "country_codes", "others"]
    search_fields = ["name", "slug"]
    page_form = LocationForm
    page_template = "admin/scopes/location.html"
    kind = Kind.LOCATION
    lead = "A request comes from here when any of these matches. Live policies keep "
    lead += "the location they were approved with."

    @admin.display(description="Address ranges")
    def ranges(self, location: Location) -> str:
        """Show the address ranges."""
        return ", ".join(location.cidrs) or "-"

    @admin.display(description="Countries")
    def country_codes(self, location: Location) -> str:
        """Show the countries."""
        return ", ".join(location.countries) or "-"

    @admin.display(description="Also")
    def others(self, location: Location) -> str:
        """Show what else the location lists."""
        parts = [name for _, name in location.cities]
        if location.radius:
            parts.append(f"circle of {location.radius / 1000:g} km")
        return ", ".join([*parts, *location.node_groups]) or "-"

    @override
    def initial(self, row: Location) -> dict[str, Any]:
        spec = selectors.location_spec(row)
        circle: dict[str, Any] = {}
        if spec.fence:
            circle = {
                "latitude": degrees_text(spec.fence.latitude),
                "longitude": degrees_text(spec.fence.longitude),
                "radius": f"{spec.fence.radius / 1000:g}",
            }
        return {
            "slug": row.slug,
            "name": row.name,
            "cidrs": "\n".join(row.cidrs),
            "countries": ", ".join(row.countries),
            "cities": city_lines(spec.cities),
            "node_groups": ", ".join(row.node_groups),
            "unknown_matches": row.unknown_matches,
            **circle,
        }

    @override
    def save(self, request: HttpRequest, form: Form, row: Location | None) -> Location:
        assert isinstance(form, LocationForm)  # noqa: S101  # the page's form
        return services.save_location(
            actor=actor_of(request),
            spec=form.spec(),
            location_id=row.pk if row else None,
        )

    @override
    def remove(self, request: HttpRequest, row: Location) -> None:
        services.delete_location(actor=actor_of(request), location_id=row.pk)

    @override
    def details(self, request: HttpRequest, row: Location) -> dict[str, Any]:
        spec = selectors.location_spec(row)
        names = country_names()
        codes = {*spec.countries, *(city.country for city in spec.cities)}
        trial = PlaceForm(request.GET if "address" in request.GET else None)
        return super().details(request, row) | {
            "sentence": location_sentence(spec),
            "map": world_map(codes, spec.fence),
            "map_size": (WIDTH, HEIGHT),
            "country_list": [(code, names.get(code, code)) for code in spec.countries],
            "spec": spec,
            "radius_km": f"{spec.fence.radius / 1000:g}" if spec.fence else "",
            "latitude": degrees_text(spec.fence.latitude) if spec.fence else "",
            "longitude": degrees_text(spec.fence.longitude) if spec.fence else "",
            "trial": trial,
            "database": _database(),
            **(_tried(row, trial) if trial.is_bound and trial.is_valid() else {}),
        }


def _database() -> dict[str, Any] | None:
    facts = adapters.place_database_facts()
    if facts is None:
        return None
    kind, built = facts
    days = (timezone.now() - built).days
    return {"kind": kind, "built": built, "days": days, "is_old": days > _OLD_DAYS}


def _tried(row: Location, trial: PlaceForm) -> dict[str, Any]:
    """Say how a request from an address would fare; no node is asked."""
    address = trial.cleaned_data["address"]
    place = adapters.locate(address)
    position = None
    if place and place.latitude is not None and place.longitude is not None:
        position = (round(place.latitude * _MICRO), round(place.longitude * _MICRO))
    found = Whereabouts(
        ip=address,
        country=(place.country or None) if place else None,
        city=(place.city or None) if place else None,
        position=position,
    )
    record = selectors.location_record(row)
    return {
        "tried": address,
        "place": place,
        "parts": [
            (_PARTS[name], _ANSWERS[matches])
            for name, matches in reasons(record, found).items()
        ],
        "in_permit": contains(record, found),
        "in_forbid": contains(record, found, unknown_matches=True),
    }
