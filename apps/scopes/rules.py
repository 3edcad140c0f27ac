"""What a window and a location must be, and their normal form.

Every check returns the value in normal form or raises an error that names the field.
"""

from __future__ import annotations

import datetime as dt
import functools
import ipaddress
import re
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass, replace

from apps.scopes.choices import COUNTRIES
from apps.scopes.errors import (
    CIDRInvalidError,
    DatesInvalidError,
    HoursInvalidError,
    LocationEmptyError,
    NameMissingError,
    SlugInvalidError,
    UnknownCountryError,
    UnknownZoneError,
    WeekdaysInvalidError,
    WindowEmptyError,
    WindowEndsBeforeStartError,
)

MINUTES_A_DAY = 1440
_LONGEST_NAME = 120
_SLUG = re.compile(r"^[a-z][a-z0-9-]{0,62}$")
_TIME = re.compile(r"^(\d{2}):(\d{2})$")
# Names of the tz database that are not places.
_NOT_ZONES = frozenset({"Factory", "localtime", "posixrules"})


@dataclass(frozen=True)
class WindowSpec:
    """What somebody wants a window to be."""

    slug: str
    name: str
    zone: str
    weekdays: tuple[int, ...]
    start_minute: int
    end_minute: int
    is_overnight: bool = False
    date_from: dt.date | None = None
    date_until: dt.date | None = None


@dataclass(frozen=True)
class LocationSpec:
    """What somebody wants a location to be."""

    slug: str
    name: str
    cidrs: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()


def check_window(spec: WindowSpec) -> WindowSpec:
    """Return the window in normal form.

    Raises an InvalidError of this app that names the field.
    """
    _check_names(spec.slug, spec.name)
    if spec.zone not in zones():
        raise UnknownZoneError(
            f"There is no time zone “{spec.zone}”.",
            field="zone",
        )
    days = tuple(sorted(set(spec.weekdays)))
    if not days or not set(days) <= set(range(1, 8)):
        raise WeekdaysInvalidError(field="weekdays")
    _check_hours(spec)
    if spec.date_from and spec.date_until and spec.date_until < spec.date_from:
        raise DatesInvalidError(field="date_until")
    return replace(spec, weekdays=days, name=spec.name.strip())


def check_location(spec: LocationSpec) -> LocationSpec:
    """Return the location in normal form.

    Raises an InvalidError of this app that names the field.
    """
    _check_names(spec.slug, spec.name)
    if not spec.cidrs and not spec.countries:
        raise LocationEmptyError(field="cidrs")
    return replace(
        spec,
        name=spec.name.strip(),
        cidrs=normal_cidrs(spec.cidrs),
        countries=_normal_countries(spec.countries),
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


def parse_minute(text: str, *, field: str) -> int:
    """Return the minute of the day of a time such as 08:30; 24:00 is the day's end.

    Raises HoursInvalidError.
    """
    found = _TIME.match(text)
    minute = int(found[1]) * 60 + int(found[2]) if found else -1
    if found is None or int(found[2]) >= 60 or minute > MINUTES_A_DAY:  # noqa: PLR2004  # minutes in an hour
        raise HoursInvalidError(f"“{text}” is not a time of day.", field=field)
    return minute


def time_text(minute: int) -> str:
    """Return a minute of the day as people write it."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


@functools.cache
def zones() -> frozenset[str]:
    """Return the names of all IANA zones."""
    return frozenset(zoneinfo.available_timezones()) - _NOT_ZONES


def check_slug(slug: str) -> None:
    """Raise SlugInvalidError unless a short name has the right shape."""
    if not _SLUG.match(slug):
        raise SlugInvalidError(f"“{slug}” is not a short name.", field="slug")


def _check_names(slug: str, name: str) -> None:
    check_slug(slug)
    if not 0 < len(name.strip()) <= _LONGEST_NAME:
        raise NameMissingError(field="name")


def _check_hours(spec: WindowSpec) -> None:
    start, end = spec.start_minute, spec.end_minute
    if not 0 <= start < MINUTES_A_DAY:
        raise HoursInvalidError("A window starts within the day.", field="start")
    if not 0 <= end <= MINUTES_A_DAY:
        raise HoursInvalidError("A window ends within a day.", field="end")
    if start == end:
        raise WindowEmptyError(field="end")
    if end < start and not spec.is_overnight:
        raise WindowEndsBeforeStartError(
            f"The window ends at {time_text(end)}, before it starts at "
            f"{time_text(start)}.",
            field="end",
        )
    if spec.is_overnight and end > start:
        raise HoursInvalidError(
            "An overnight window ends at or before the time it starts.",
            field="end",
            remedy="Remove the overnight mark, or choose an earlier end.",
        )


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise CIDRInvalidError(
            f"“{text}” is not an address range.", field="cidrs"
        ) from error
    # Addresses are compared after IPv4-mapped ones became IPv4, so ranges are too.
    mapped = ipaddress.ip_network("::ffff:0:0/96")
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(mapped):  # type: ignore[arg-type]  # both are IPv6
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
