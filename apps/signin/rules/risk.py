"""How unusual a sign-in is, as a score with reasons.

A score decides nothing by itself: tenants choose from which score on a passkey is asked
for again and from which a sign-in is refused, and policies may read it. It is made of
facts that the person can check, never of a model that nobody can explain.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from engine.errors import ContextError
from engine.places import normalize_ip

MAXIMUM = 100
MEDIUM_FROM = 40
HIGH_FROM = 80

FASTEST_KM_PER_HOUR = 900
# Databases of places are wrong by this much within one country.
NEARBY_KM = 100
HISTORY_FOR_HOURS = 20
HOUR_TOLERANCE = 2
USUAL_SHARE = 0.02

_EARTH_RADIUS_KM = 6371.0
_HOURS_A_WEEK = 7 * 24
_IPV4_PREFIX, _IPV6_PREFIX = 24, 48


@dataclass(frozen=True)
class Sighting:
    """Where and when a person was before. Unknown places and devices are empty."""

    at: dt.datetime
    network: str
    country: str
    latitude: float | None
    longitude: float | None
    device: str


@dataclass(frozen=True)
class RiskFacts:
    """What is known of a sign-in: itself, and what went before.

    `failures` counts the person's refused sign-ins of the last hour.
    """

    now: dt.datetime
    device: str
    is_device_known: bool
    network: str
    country: str
    latitude: float | None
    longitude: float | None
    failures: int
    earlier: Sequence[Sighting]


@dataclass(frozen=True)
class Reason:
    """One thing that is unusual, and what it adds to the score."""

    code: str
    points: int
    sentence: str


@dataclass(frozen=True)
class RiskScore:
    """A score of 0 to 100, and what it is made of."""

    score: int
    reasons: tuple[Reason, ...]

    @property
    def level(self) -> str:
        """Return low, medium or high: the steps that tenants start with."""
        if self.score >= HIGH_FROM:
            return "high"
        return "medium" if self.score >= MEDIUM_FROM else "low"


# A known device stays below HIGH_FROM unless sign-ins were refused besides, and
# failures, which anybody can cause, never reach MEDIUM_FROM alone.
REASONS: Mapping[str, Reason] = MappingProxyType(
    {
        reason.code: reason
        for reason in (
            Reason(
                "no_history",
                10,
                "This is the first sign-in, so there is nothing to compare it with.",
            ),
            Reason("new_device", 25, "This device has not been used before."),
            Reason("new_network", 10, "This network has not been used before."),
            Reason("new_country", 20, "No earlier sign-in came from this country."),
            Reason(
                "impossible_travel",
                40,
                "Nobody travels this fast from the place of an earlier sign-in.",
            ),
            Reason("unusual_hour", 5, "There are hardly any sign-ins at this hour."),
            Reason(
                "failures_some", 10, "3 or 4 sign-ins were refused in the last hour."
            ),
            Reason(
                "failures_several", 20, "5 to 9 sign-ins were refused in the last hour."
            ),
            Reason(
                "failures_many",
                30,
                "10 or more sign-ins were refused in the last hour.",
            ),
        )
    }
)
_FAILURE_GRADES = ((10, "failures_many"), (5, "failures_several"), (3, "failures_some"))


def network_of(address: str) -> str:
    """Return the network that counts as one place: /24 for IPv4, /48 for IPv6.

    Empty for what is not an address, such as the peer of a unix socket.
    """
    try:
        known = ipaddress.ip_address(normalize_ip(address))
    except ContextError:
        return ""
    prefix = _IPV4_PREFIX if known.version == 4 else _IPV6_PREFIX  # noqa: PLR2004
    return str(ipaddress.ip_network(f"{known}/{prefix}", strict=False))


def assess(facts: RiskFacts) -> RiskScore:
    """Return how unusual a sign-in is, with the reasons in the order of the table."""
    found = set(_codes(facts))
    reasons = tuple(reason for code, reason in REASONS.items() if code in found)
    total = sum(reason.points for reason in reasons)
    return RiskScore(min(total, MAXIMUM), reasons)


def distance_km(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Return the great-circle distance of two places (haversine formula)."""
    (lat1, lon1), (lat2, lon2) = (
        (math.radians(latitude), math.radians(longitude))
        for latitude, longitude in (first, second)
    )
    half = (
        math.sin((lat2 - lat1) / 2) ** 2
        + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return 2 * _EARTH_RADIUS_KM * math.asin(math.sqrt(min(half, 1.0)))


def _codes(facts: RiskFacts) -> Iterator[str]:
    if not facts.earlier:
        yield "no_history"
    else:
        yield from _news(facts)
        if _is_travel_impossible(facts):
            yield "impossible_travel"
        if _is_hour_unusual(facts):
            yield "unusual_hour"
    for least, code in _FAILURE_GRADES:
        if facts.failures >= least:
            yield code
            return


def _news(facts: RiskFacts) -> Iterator[str]:
    if not facts.is_device_known:
        yield "new_device"
    if facts.network and facts.network not in {s.network for s in facts.earlier}:
        yield "new_network"
    # With no country on record, none is new: the database may be newer than the person.
    countries = {sighting.country for sighting in facts.earlier} - {""}
    if facts.country and countries and facts.country not in countries:
        yield "new_country"


def _is_travel_impossible(facts: RiskFacts) -> bool:
    """Compare with every sighting, not only the newest.

    Whoever came in once from far away would otherwise be the one to compare with.
    """
    here = _place(facts)
    return here is not None and any(
        _is_too_far(here, sighting, facts.now) for sighting in facts.earlier
    )


def _is_too_far(
    here: tuple[float, float], sighting: Sighting, now: dt.datetime
) -> bool:
    there = _place(sighting)
    if there is None:
        return False
    distance = distance_km(here, there)
    hours = abs((now - sighting.at).total_seconds()) / 3600
    return distance >= NEARBY_KM and distance > FASTEST_KM_PER_HOUR * hours


def _place(found: RiskFacts | Sighting) -> tuple[float, float] | None:
    if found.latitude is None or found.longitude is None:
        return None
    return found.latitude, found.longitude


def _is_hour_unusual(facts: RiskFacts) -> bool:
    if len(facts.earlier) < HISTORY_FOR_HOURS:
        return False
    now = _hour_of_week(facts.now)
    near = sum(
        1
        for sighting in facts.earlier
        if _hours_apart(now, _hour_of_week(sighting.at)) <= HOUR_TOLERANCE
    )
    return near < USUAL_SHARE * len(facts.earlier)


def _hour_of_week(moment: dt.datetime) -> int:
    utc = moment.astimezone(dt.UTC)
    return utc.weekday() * 24 + utc.hour


def _hours_apart(first: int, second: int) -> int:
    apart = abs(first - second)
    return min(apart, _HOURS_A_WEEK - apart)
