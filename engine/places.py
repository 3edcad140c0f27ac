"""Where a request comes from, and locations.

An address in IPv4-mapped IPv6 form is the IPv4 address (RFC 4291, section 2.5.5.2):
without that, `::ffff:10.0.0.1` would slip past every rule about `10.0.0.0/8`. So
`0.0.0.0/0` holds every IPv4 address however it is written, and `::/0` every IPv6
address and no IPv4 one.

Cedar has no trigonometry, so a position arrives as a point on a sphere of radius 10^9.
A circle on the globe is then a straight distance, which Cedar can compare in whole
numbers: exact at the poles and across the date line, and within 64 bits.
"""

from __future__ import annotations

import ipaddress
import math
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from engine.errors import ContextError
from engine.literals import string_literal, string_set
from protocol.records import City, Fence, LocationRecord

EARTH_RADIUS = 6_371_009
POLE, DATE_LINE = 90_000_000, 180_000_000
_SCALE = 10**9
_MICRO = 10**6
_MAPPED = ipaddress.ip_network("::ffff:0:0/96")
_MAPPED_BITS = 96


@dataclass(frozen=True)
class Whereabouts:
    """What is known of where a request comes from; the position is micro-degrees."""

    ip: str | None = None
    country: str | None = None
    city: str | None = None
    position: tuple[int, int] | None = None
    node_groups: frozenset[str] | None = None


def normalize_ip(text: str) -> str:
    """Return an address in its one canonical spelling; raises ContextError."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError as error:
        raise ContextError(f"context.ip: {text!r} is not an IP address") from error
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise ContextError("context.ip: an address with a scope id is not accepted")
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
    return str(address)


def normalize_cidr(text: str) -> str:
    """Return a range in its canonical spelling, mapped ranges as IPv4.

    Raises ValueError with the reason when it is not a range, or has host bits set.
    """
    network = ipaddress.ip_network(text.strip())
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):  # type: ignore[arg-type]  # both are IPv6
        address = network.network_address.ipv4_mapped
        return f"{address}/{network.prefixlen - _MAPPED_BITS}"
    return str(network)


def location_condition(location: LocationRecord, *, unknown_matches: bool) -> str:
    """Return a Cedar expression that is true for requests from a location.

    A location is the union of all it lists. Where a request comes from may be unknown:
    for a permit that is outside unless the location says otherwise, for a forbid
    (`unknown_matches`) inside.
    """
    lenient = unknown_matches or location.unknown_matches
    parts = [_guarded(test, unknown_matches=lenient) for test in _tests(location)]
    return f"({' || '.join(parts)})" if parts else "false"


def contains(
    location: LocationRecord, found: Whereabouts, *, unknown_matches: bool = False
) -> bool:
    """Say whether a request is from a location, as its Cedar expression would."""
    lenient = unknown_matches or location.unknown_matches
    parts = _parts(location, found)
    return any(lenient if inside is None else inside for _, inside in parts)


def reasons(location: LocationRecord, found: Whereabouts) -> dict[str, bool | None]:
    """Say of each part of a location whether it matches; None where it is unknown."""
    return dict(_parts(location, found))


def sphere(latitude: int, longitude: int) -> tuple[int, int, int]:
    """Return the point of a position in micro-degrees on a sphere of radius 10^9."""
    lat, lon = math.radians(latitude / _MICRO), math.radians(longitude / _MICRO)
    return (
        round(math.cos(lat) * math.cos(lon) * _SCALE),
        round(math.cos(lat) * math.sin(lon) * _SCALE),
        round(math.sin(lat) * _SCALE),
    )


def is_sphere_point(point: Sequence[int]) -> bool:
    """Say whether three numbers are a point that `sphere` can return."""
    # Rounding its coordinates moves a point by less than one.
    return len(point) == len("xyz") and abs(math.hypot(*point) - _SCALE) < 1


def geo_fields(given: object) -> dict[str, int]:
    """Return a position as the context holds it; raises ContextError.

    Only latitude and longitude are read: the point is computed, never believed.
    """
    if not isinstance(given, Mapping):
        raise ContextError("context.geo: must be an object")
    latitude = _degrees(given, "lat", POLE)
    longitude = _degrees(given, "lon", DATE_LINE)
    x, y, z = sphere(latitude, longitude)
    return {"lat": latitude, "lon": longitude, "x": x, "y": y, "z": z}


def is_within(fence: Fence, position: tuple[int, int]) -> bool:
    """Say whether a position in micro-degrees lies in a circle, its edge included."""
    return _square(fence, position) <= _reach(fence)


def distance(fence: Fence, position: tuple[int, int]) -> float:
    """Return how many meters a position is from the center of a circle."""
    chord = math.sqrt(_square(fence, position)) / _SCALE
    return 2 * math.asin(min(chord / 2, 1.0)) * EARTH_RADIUS


def _square(fence: Fence, position: tuple[int, int]) -> int:
    center = sphere(fence.latitude, fence.longitude)
    point = sphere(*position)
    return sum(difference**2 for difference in map(operator.sub, point, center))


def _reach(fence: Fence) -> int:
    """Return the square of the straight distance from center to edge."""
    angle = min(fence.radius / EARTH_RADIUS, math.pi)
    return round((2 * math.sin(angle / 2) * _SCALE) ** 2)


@dataclass(frozen=True)
class _Test:
    """The test of one part of a location, and what it needs to know.

    `possible` says whether what is not known could be inside.
    """

    attributes: tuple[str, ...]
    inside: str
    possible: str = "true"


def _tests(location: LocationRecord) -> Iterator[_Test]:
    """Yield the tests of all parts of a location."""
    if location.cidrs:
        ranges = " || ".join(
            f"context.ip.isInRange(ip({string_literal(normalize_cidr(cidr))}))"
            for cidr in location.cidrs
        )
        yield _Test(("ip",), f"({ranges})")
    if location.countries:
        names = string_set(location.countries)
        yield _Test(("country",), f"{names}.contains(context.country)")
    if location.cities:
        yield _city_test(location.cities)
    if location.fence:
        yield _Test(("geo",), _fence_test(location.fence))
    if location.node_groups:
        names = string_set(location.node_groups)
        yield _Test(("node_groups",), f"{names}.containsAny(context.node_groups)")


def _city_test(cities: Sequence[City]) -> _Test:
    """Return a test that a known country elsewhere decides without a city."""
    by_country = {
        country: [city.name for city in group]
        for country, group in groupby(sorted(cities), key=lambda city: city.country)
    }
    inside = " || ".join(
        f"(context.country == {string_literal(country)} && "
        f"{string_set(names)}.contains(context.city))"
        for country, names in by_country.items()
    )
    countries = f"{string_set(by_country)}.contains(context.country)"
    return _Test(
        ("country", "city"),
        f"({inside})",
        f"(if context has country then {countries} else true)",
    )


def _fence_test(fence: Fence) -> str:
    center = sphere(fence.latitude, fence.longitude)
    differences = map("(context.geo.{} - ({}))".format, "xyz", center)
    squares = " + ".join(f"{one} * {one}" for one in differences)
    return f"({squares} <= {_reach(fence)})"


def _parts(
    location: LocationRecord, found: Whereabouts
) -> Iterator[tuple[str, bool | None]]:
    """Yield the name of each part and whether it matches, None where unknown."""
    ip, country, groups = found.ip, found.country, found.node_groups
    if location.cidrs:
        yield "cidrs", None if ip is None else _in_ranges(location, ip)
    if location.countries:
        inside = None if country is None else country in location.countries
        yield "countries", inside
    if location.cities:
        yield "cities", _in_cities(location.cities, country, found.city)
    if location.fence:
        at = found.position
        yield "fence", None if at is None else is_within(location.fence, at)
    if location.node_groups:
        inside = None if groups is None else bool(groups & {*location.node_groups})
        yield "node_groups", inside


def _in_cities(
    cities: Sequence[City], country: str | None, city: str | None
) -> bool | None:
    if country is not None and country not in {one.country for one in cities}:
        return False
    if country is None or city is None:
        return None
    return City(country, city) in cities


def _in_ranges(location: LocationRecord, ip: str) -> bool:
    address = ipaddress.ip_address(normalize_ip(ip))
    return any(
        address in ipaddress.ip_network(normalize_cidr(cidr)) for cidr in location.cidrs
    )


def _degrees(given: Mapping[str, Any], name: str, limit: int) -> int:
    value = given.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ContextError(f"context.geo.{name}: must be of type long")
    if not -limit <= value <= limit:
        raise ContextError(f"context.geo.{name}: must be from {-limit} to {limit}")
    return value


def _guarded(test: _Test, *, unknown_matches: bool) -> str:
    known = " && ".join(f"context has {name}" for name in test.attributes)
    if unknown_matches:
        return f"(if {known} then {test.inside} else {test.possible})"
    return f"({known} && {test.inside})"
