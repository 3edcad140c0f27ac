"""What a location must be, and its normal form.

Every check returns the value in normal form or raises an error that names the field.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from apps.scopes.choices import COUNTRIES
from apps.scopes.errors import (
    CIDRInvalidError,
    CityInvalidError,
    FenceInvalidError,
    LocationEmptyError,
    LocationTooLargeError,
    NodeGroupInvalidError,
    UnknownCountryError,
)
from apps.scopes.rules.names import check_names
from engine.places import DATE_LINE, POLE
from protocol.records import City, Fence

MOST_ENTRIES = 200
SHORTEST_RADIUS, LONGEST_RADIUS = 100, 20_000_000
_LONGEST_CITY = 100
_MICRO = 1_000_000
_DEGREES = re.compile(r"^-?\d{1,3}(\.\d{1,12})?$")
_GROUP = re.compile(r"^[-a-zA-Z0-9_]{1,63}$")
_MAPPED = ipaddress.ip_network("::ffff:0:0/96")


@dataclass(frozen=True)
class LocationSpec:
    """What somebody wants a location to be."""

    slug: str
    name: str
    cidrs: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    cities: tuple[City, ...] = ()
    fence: Fence | None = None
    node_groups: tuple[str, ...] = ()
    unknown_matches: bool = False


def check_location(spec: LocationSpec) -> LocationSpec:
    """Return the location in normal form.

    Raises an InvalidError of this app that names the field.
    """
    check_names(spec.slug, spec.name)
    parts = ("cidrs", "countries", "cities", "node_groups")
    if not spec.fence and not any(getattr(spec, part) for part in parts):
        raise LocationEmptyError(field="cidrs")
    for part in parts:
        if len(getattr(spec, part)) > MOST_ENTRIES:
            raise LocationTooLargeError(
                f"A location has at most {MOST_ENTRIES} entries of a kind.", field=part
            )
    return replace(
        spec,
        name=spec.name.strip(),
        cidrs=normal_cidrs(spec.cidrs),
        countries=_normal_countries(spec.countries),
        cities=_normal_cities(spec.cities),
        fence=_checked_fence(spec.fence) if spec.fence else None,
        node_groups=_normal_groups(spec.node_groups),
    )


def normal_cidrs(cidrs: Iterable[str]) -> tuple[str, ...]:
    """Return address ranges in normal form, without repetition, in a fixed order.

    Raises CIDRInvalidError.
    """
    networks = {_network(text) for text in cidrs}
    return tuple(
        str(network)
        for network in sorted(
            networks, key=lambda n: (n.version, n.network_address.packed, n.prefixlen)
        )
    )


def parse_cities(text: str) -> tuple[list[City], list[str]]:
    """Return the cities of a text, one a line, and what is wrong with which line."""
    cities: list[City] = []
    problems: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        country, _, name = line.strip().partition(" ")
        if not country:
            continue
        if country.upper().rstrip(":,") in COUNTRIES and name.strip():
            cities.append(City(country.upper().rstrip(":,"), name.strip()))
        else:
            problems.append(
                f"Line {number}: “{line.strip()[:40]}” is not a country code and a "
                "city, such as DE Berlin."
            )
    return cities, problems


def micro_degrees(text: str, *, field: str) -> int:
    """Return an angle in micro-degrees; raises FenceInvalidError."""
    if not _DEGREES.match(text.strip()):
        raise FenceInvalidError(
            f"“{text[:40]}” is not a number of degrees.", field=field
        )
    return int((Decimal(text.strip()) * _MICRO).to_integral_value())


def degrees_text(angle: int) -> str:
    """Return micro-degrees as degrees, without zeros that say nothing."""
    return f"{Decimal(angle) / _MICRO:f}"


def _checked_fence(fence: Fence) -> Fence:
    for field, limit in (("latitude", POLE), ("longitude", DATE_LINE)):
        if not -limit <= getattr(fence, field) <= limit:
            raise FenceInvalidError(
                f"The {field} is from {-limit // _MICRO} to {limit // _MICRO} degrees.",
                field=field,
            )
    if not SHORTEST_RADIUS <= fence.radius <= LONGEST_RADIUS:
        raise FenceInvalidError(
            f"A radius is from {SHORTEST_RADIUS / 1000:g} to "
            f"{LONGEST_RADIUS // 1000} kilometers.",
            field="radius",
        )
    return fence


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise CIDRInvalidError(
            f"“{text}” is not an address range.", field="cidrs"
        ) from error
    # Addresses are compared after IPv4-mapped ones became IPv4, so ranges are too.
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):  # type: ignore[arg-type]  # both are IPv6
        low = ipaddress.IPv4Address(int(network.network_address) & 0xFFFFFFFF)
        return ipaddress.IPv4Network((low, network.prefixlen - 96))
    return network


def _normal_countries(countries: Iterable[str]) -> tuple[str, ...]:
    wanted = {code.strip().upper() for code in countries}
    unknown = sorted(wanted - COUNTRIES)
    if unknown:
        raise UnknownCountryError(
            f"“{unknown[0]}” is not a country code.", field="countries"
        )
    return tuple(sorted(wanted))


def _normal_cities(cities: Iterable[City]) -> tuple[City, ...]:
    found = set()
    for city in cities:
        country, name = city.country.strip().upper(), " ".join(city.name.split())
        if country not in COUNTRIES:
            raise UnknownCountryError(
                f"“{city.country}” is not a country code.", field="cities"
            )
        if not 0 < len(name) <= _LONGEST_CITY:
            raise CityInvalidError(field="cities")
        found.add(City(country, name))
    return tuple(sorted(found))


def _normal_groups(groups: Iterable[str]) -> tuple[str, ...]:
    wanted = {group.strip() for group in groups}
    for group in sorted(wanted):
        if not _GROUP.match(group):
            raise NodeGroupInvalidError(
                f"“{group}” is not the short name of a node group.",
                field="node_groups",
            )
    return tuple(sorted(wanted))
