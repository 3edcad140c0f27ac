"""What a policy asks for besides its conditions, and when a version of it counts.

Checks (`mfa`, `device_trust`, `max_risk`) are judged where the decision is made. Duties
(`notify`, `end_session`) are carried out by whoever enforces it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

from protocol.errors import RecordError
from protocol.records import values
from protocol.records.values import JSONObject

POLICY_LATER = ("effective_from", "effective_until", "obligations")
MFA, DEVICE_TRUST, MAX_RISK = "mfa", "device_trust", "max_risk"
NOTIFY, END_SESSION = "notify", "end_session"
CHECKS = (MFA, DEVICE_TRUST, MAX_RISK)
OBLIGATIONS = (*CHECKS, NOTIFY, END_SESSION)
MOST_OBLIGATIONS = 20
HIGHEST_LEVEL = 9
LONGEST_AGE = 2_592_000
HIGHEST_RISK = 100
_LONGEST_NAME, _LONGEST_BODY = 255, 2000
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_FIELDS: dict[str, tuple[str, ...]] = {
    MFA: ("level",),
    DEVICE_TRUST: (),
    MAX_RISK: ("at_most",),
    NOTIFY: ("to", "body"),
    END_SESSION: (),
}
_READERS: dict[str, Callable[[object, str], Any]] = {
    "level": partial(values.integer, low=1, high=HIGHEST_LEVEL),
    "max_age": partial(values.integer, low=1, high=LONGEST_AGE),
    "at_most": partial(values.integer, low=0, high=HIGHEST_RISK),
    "to": partial(values.text, longest=_LONGEST_NAME),
    "body": partial(values.text, longest=_LONGEST_BODY),
    "topic": partial(values.text, longest=_LONGEST_NAME),
}
_OPTIONAL = {MFA: ("max_age",), NOTIFY: ("topic",)}


@dataclass(frozen=True, order=True)
class Obligation:
    """One thing that is asked for; only the fields of its type are set.

    `max_age` is in seconds, and 0 where any age will do.
    """

    type: str
    level: int = 0
    max_age: int = 0
    at_most: int = 0
    to: str = ""
    body: str = ""
    topic: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: the fields of the type, optional ones if set."""
        found: dict[str, Any] = {n: getattr(self, n) for n in _FIELDS[self.type]}
        for name in _OPTIONAL.get(self.type, ()):
            if value := getattr(self, name):
                found[name] = value
        return {"type": self.type, "properties": found}


@dataclass(frozen=True)
class Interval:
    """From an instant on, until just before another; None is open."""

    start: dt.datetime | None = None
    end: dt.datetime | None = None

    @classmethod
    def of(cls, start: str | None, end: str | None) -> Interval:
        """Return the interval between two instants as records write them."""
        return cls(*(dt.datetime.fromisoformat(t) if t else None for t in (start, end)))

    def holds(self, now: dt.datetime) -> bool:
        """Say whether an instant lies in it."""
        return not self.is_ahead(now) and not self.is_over(now)

    def is_ahead(self, now: dt.datetime) -> bool:
        """Say whether it has not begun."""
        return self.start is not None and now < self.start

    def is_over(self, now: dt.datetime) -> bool:
        """Say whether it has ended."""
        return self.end is not None and now >= self.end

    def overlaps(self, other: Interval) -> bool:
        """Say whether some instant lies in both."""
        return not (_is_before(self, other) or _is_before(other, self))


def parse_obligation(value: object, place: str) -> Obligation:
    """Parse the JSON form strictly or raise RecordError."""
    outer = values.fields(value, place, ("type", "properties"))
    kind = values.choice(outer["type"], f"{place}.type", OBLIGATIONS)
    given, inside = outer["properties"], f"{place}.properties"
    known = given if isinstance(given, Mapping) else {}
    optional = [name for name in _OPTIONAL.get(kind, ()) if name in known]
    f = values.fields(given, inside, (*_FIELDS[kind], *optional))
    return Obligation(
        kind, **{name: _READERS[name](f[name], f"{inside}.{name}") for name in f}
    )


def parse_obligations(f: JSONObject) -> tuple[Obligation, ...]:
    """Parse the obligations of a record: none twice, and absent when there are none."""
    if "obligations" not in f:
        return ()
    listed = values.items(f["obligations"], "obligations")
    if not 0 < len(listed) <= MOST_OBLIGATIONS:
        raise RecordError(
            f"obligations: 1 to {MOST_OBLIGATIONS}, or absent", field="obligations"
        )
    found = tuple(
        parse_obligation(item, f"obligations[{n}]") for n, item in enumerate(listed)
    )
    if len(set(found)) < len(found):
        raise RecordError("obligations: one is there twice", field="obligations")
    return found


def parse_interval(f: JSONObject) -> tuple[str | None, str | None]:
    """Parse from when and until when a version counts: whole seconds, UTC."""
    start, end = (_instant(f, name) for name in ("effective_from", "effective_until"))
    if start and end and end <= start:
        raise RecordError(
            "effective_until: later than effective_from", field="effective_until"
        )
    return start, end


def check_name(ident: str, version: int) -> None:
    """Refuse a record that is named for another version: `slug@7` is version 7."""
    _, mark, named = ident.partition("@")
    if mark and named != str(version):
        raise RecordError(f"id: {ident!r} is not version {version}", field="id")


def overlapping(intervals: Sequence[Interval]) -> bool:
    """Say whether any two of these intervals overlap."""
    least = dt.datetime.min.replace(tzinfo=dt.UTC)
    ordered = sorted(intervals, key=lambda one: one.start or least)
    return any(one.overlaps(next_) for one, next_ in pairwise(ordered))


def _is_before(one: Interval, other: Interval) -> bool:
    return one.end is not None and other.start is not None and one.end <= other.start


def _instant(f: JSONObject, name: str) -> str | None:
    if name not in f:
        return None
    found = values.instant(f[name], name)
    if found is None or not _INSTANT.fullmatch(found):
        raise RecordError(f"{name}: an instant like 2026-01-31T12:00:00Z", field=name)
    return found
