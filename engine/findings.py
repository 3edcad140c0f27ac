"""What was asked for, what was found, and what that means in plain words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from engine.calendar import Transitions, is_open, next_transitions, offset_at
from engine.conditions import Condition, ConditionKind
from engine.obligations import met
from engine.places import Whereabouts, reasons
from engine.wording import (
    any_of,
    place_state,
    place_words,
    where_words,
    window_state,
    window_words,
)
from protocol.records import Interval, Obligation, WindowRecord

_OLDER = "an older form of a {} that has changed since"
_WEEK = dt.timedelta(days=6)
_NAMES = {
    "mfa": "MFA level",
    "risk": "risk",
    "country": "country",
    "city": "city",
    "method": "method",
    "path": "path",
    "ticket": "ticket",
}
_WORDS = {
    "==": "",
    "!=": "other than ",
    "<": "below ",
    "<=": "at most ",
    ">": "above ",
    ">=": "at least ",
    "in": "one of ",
    "starts_with": "that starts with ",
    "contains": "with ",
}


class FindingKind(StrEnum):
    """What had to fit, in the order of how soon it can be mended."""

    OBLIGATION = "obligation"
    ATTRIBUTE = "attribute"
    WINDOW = "window"
    LOCATION = "location"
    INTERVAL = "interval"
    OTHER = "other"
    PRINCIPAL = "principal"
    RESOURCE = "resource"
    SEPARATION = "separation"


_RANK = {kind: rank for rank, kind in enumerate(FindingKind)}


@dataclass(frozen=True)
class Finding:
    """One thing that a statement asks for. `held` is None if it went wrong.

    `names` are ids of windows, locations or roles; `changes_at` is when a window turns
    next. `details` say what those named are, and what about them was found.
    """

    kind: FindingKind
    held: bool | None
    wanted: str
    found: str
    words: str
    names: tuple[str, ...] = ()
    changes_at: dt.datetime | None = None
    details: tuple[str, ...] = ()

    @property
    def rank(self) -> int:
        """Return how far from being mended this is."""
        return _RANK[self.kind]


@dataclass(frozen=True)
class Circumstances:
    """What is known of a question: its time, its context, its entities' attributes."""

    now: dt.datetime
    context: Mapping[str, Any]
    attributes: Mapping[str, Mapping[str, Any]]
    zones: Mapping[str, Transitions]
    whereabouts: Whereabouts

    def value(self, attribute: str) -> object:
        """Return the value that a condition's attribute has here; None is unknown."""
        outer, _, inner = attribute.partition(".")
        if outer in self.attributes:
            return self.attributes[outer].get(inner)
        value = self.context.get(outer)
        if inner and isinstance(value, Mapping):
            return value.get(inner)
        return value


def finding(
    condition: Condition,
    circumstances: Circumstances,
    *,
    held: bool | None,
) -> Finding:
    """Say what a condition asks for and what was found; Cedar said whether it held."""
    match condition.kind:
        case ConditionKind.WINDOW:
            return _of_windows(condition, circumstances, held=held)
        case ConditionKind.LOCATION:
            return _of_locations(condition, circumstances, held=held)
        case ConditionKind.ATTRIBUTE:
            return _of_attribute(condition, circumstances, held=held)
        case _:
            found = {None: "could not be evaluated", True: "holds", False: "fails"}
            return Finding(
                FindingKind.OTHER,
                held,
                condition.cedar,
                found[held],
                f"asks for {condition.cedar}",
            )


def interval_finding(interval: Interval, now: dt.datetime) -> Finding:
    """Say from when and until when a version counts, and whether it does now."""
    start, end = (_date(when) for when in (interval.start, interval.end))
    wanted = " ".join(
        text for text in (start and f"from {start}", end and f"until {end}") if text
    )
    if interval.is_ahead(now):
        found, at = "not in force yet", interval.start
    elif interval.is_over(now):
        found, at = "not in force any more", interval.end
    else:
        found, at = "in force", interval.end
    return Finding(
        FindingKind.INTERVAL,
        interval.holds(now),
        wanted=wanted,
        found=found,
        words=f"{found}; counts {wanted}",
        changes_at=at,
    )


def obligation_finding(asked: Obligation, context: Mapping[str, Any]) -> Finding:
    """Say what a check asks for, and what the question proves; unknown is nothing."""
    match asked.type:
        case "mfa":
            wanted = f"MFA level {asked.level} or higher"
            if asked.max_age:
                wanted += f", proven at most {asked.max_age} seconds ago"
            level, age = context.get("mfa"), context.get("mfa_age")
            found = "unknown" if level is None else f"level {level}"
            if level is not None and asked.max_age:
                found += " of unknown age" if age is None else f", {age} seconds ago"
        case "device_trust":
            trusted = (context.get("device") or {}).get("trusted")
            wanted = "a trusted device"
            found = {None: "unknown", True: "trusted", False: "not trusted"}[trusted]
        case _:
            risk = context.get("risk")
            wanted = f"a risk of at most {asked.at_most}"
            found = "unknown" if risk is None else str(risk)
    return Finding(
        FindingKind.OBLIGATION,
        met(asked, context),
        wanted,
        found,
        f"asks for {wanted}; found: {found}",
    )


def _date(when: dt.datetime | None) -> str:
    if when is None:
        return ""
    utc = when.astimezone(dt.UTC)
    return f"{utc.day} {utc:%B %Y %H:%M:%S} UTC".replace(":00 UTC", " UTC")


def moment(when: dt.datetime, now: dt.datetime, zone: str, offset: int) -> str:
    """Return a moment as one would say it: weekday and time, the date if it is far."""
    local = when.astimezone(dt.UTC) + dt.timedelta(seconds=offset)
    day = f"{local:%A}" if when - now < _WEEK else f"{local:%A} {local.day} {local:%B}"
    return f"{day} {local:%H:%M} {zone}"


def _of_windows(
    condition: Condition,
    circumstances: Circumstances,
    *,
    held: bool | None,
) -> Finding:
    ids = tuple(window.id for window in condition.windows if window.id)
    titles = [window.id or window_words(window) for window in condition.windows]
    turns = [
        turn
        for window in condition.windows
        if (turn := _next_turn(window, circumstances, opens=not held)) is not None
    ]
    # Any one of them will do: the first to open counts, and the last to close.
    turn = (max if held else min)(turns, default=None)
    at, words = turn or (None, "")
    if held:
        found = f"open until {words}" if turn else "open, and does not close"
    else:
        found = f"closed, opens {words}" if turn else "closed, and does not open again"
    if not titles:
        found = "open" if held else "closed"
    return Finding(
        FindingKind.WINDOW,
        held,
        wanted=f"during {any_of(titles)}" if titles else _OLDER.format("window"),
        found=found,
        words=f"opens {words}" if turn and not held else found,
        names=ids,
        changes_at=at,
        details=tuple(_about_window(w, circumstances) for w in condition.windows),
    )


def _about_window(window: WindowRecord, circumstances: Circumstances) -> str:
    words = f"{window.id}: {window_words(window)}" if window.id else ""
    transitions = circumstances.zones.get(window.zone)
    if transitions is None:
        state = f"the release says nothing of the zone {window.zone}"
    else:
        state = window_state(window, circumstances.now, transitions)
    return "; ".join(part for part in (words, state) if part)


def _next_turn(
    window: WindowRecord, circumstances: Circumstances, *, opens: bool
) -> tuple[dt.datetime, str] | None:
    transitions = circumstances.zones.get(window.zone)
    if transitions is None:
        return None
    now = circumstances.now
    if is_open(window, now, transitions) is opens:
        return None
    turns = next_transitions(window, now, transitions, count=1)
    if not turns:
        return None
    when = turns[0][0]
    offset = offset_at(transitions, int(when.timestamp()))
    return when, moment(when, now, window.zone, offset)


def _of_locations(
    condition: Condition,
    circumstances: Circumstances,
    *,
    held: bool | None,
) -> Finding:
    places = condition.locations
    title = any_of(place.id or place_words(place) for place in places)
    wanted = f"from {title}" if title else _OLDER.format("location")
    known = [
        is_inside
        for place in places
        for is_inside in reasons(place, circumstances.whereabouts).values()
    ]
    found = _inside(condition, circumstances.whereabouts, known, held=held)
    return Finding(
        FindingKind.LOCATION,
        held,
        wanted=wanted,
        found=found,
        words=f"needs to come {wanted}; {found}",
        names=tuple(place.id for place in places if place.id),
        details=tuple(
            f"{place.id}: {state}" if place.id else state
            for place in places
            for state in place_state(place, circumstances.whereabouts)
        ),
    )


def _inside(
    condition: Condition,
    whereabouts: Whereabouts,
    known: list[bool | None],
    *,
    held: bool | None,
) -> str:
    where = where_words(whereabouts)
    if any(known) or (held and not condition.locations):
        return f"{where or 'this'} is inside"
    if None not in known:
        return f"{where or 'this'} is outside"
    if held:
        beyond = f"{where}: more is" if where else "where from is"
        return f"{beyond} unknown, which counts as inside"
    return f"{where} may be outside" if where else "where from is unknown"


def _of_attribute(
    condition: Condition, circumstances: Circumstances, *, held: bool | None
) -> Finding:
    value = circumstances.value(condition.attribute)
    known = "unknown" if value is None else _value(value)
    if condition.attribute == "device.trusted":
        wanted = f"a device that is {'' if condition.value else 'not '}trusted"
        found = {None: "unknown", True: "trusted", False: "not trusted"}[
            value if isinstance(value, bool) else None
        ]
        words = f"needs {wanted}; this one is {found}"
    else:
        name = _NAMES.get(condition.attribute, condition.attribute)
        wanted = f"{name} {_WORDS[condition.op]}{_value(condition.value)}"
        found = known
        words = f"needs {wanted}, " + (
            "which is unknown" if value is None else f"has {known}"
        )
    return Finding(FindingKind.ATTRIBUTE, held, wanted, found, words)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return any_of(map(str, value)) if value else "nothing"
    return str(value) if value != "" else "“”"
