"""Local time and time windows, from shipped offset transitions.

Cedar has no division, so weekday and minute of the day arrive as numbers in the
context, one set for each zone in use. A window is half-open: the start minute is
inside, the end minute is not. An overnight window belongs to the day it starts on.

When clocks go forward, the skipped minutes do not happen: a window that starts inside
the gap opens when local time first passes its start. When clocks go back, the repeated
hour happens twice and a window that covers it is open both times.
"""

from __future__ import annotations

import bisect
import datetime as dt
from collections.abc import Iterator, Sequence

from engine.literals import long_set, string_literal
from protocol.records import WindowRecord

_MINUTE = 60
_DAY = 86_400
_DAYS_AHEAD = 400
_EPOCH = dt.date(1970, 1, 1)

Transitions = Sequence[Sequence[int]]


def offset_at(transitions: Transitions, epoch: int) -> int:
    """Return the zone's offset from UTC in seconds at an instant."""
    place = bisect.bisect_right(transitions, epoch, key=lambda t: t[0])
    return transitions[max(place - 1, 0)][1]


def zone_fields(transitions: Transitions, now: dt.datetime) -> dict[str, int]:
    """Return weekday (1 is Monday), minute, date and the day before, as numbers."""
    epoch = int(now.timestamp())
    days, second = divmod(epoch + offset_at(transitions, epoch), _DAY)
    day = _EPOCH + dt.timedelta(days=days)
    return {
        "wd": day.isoweekday(),
        "min": second // _MINUTE,
        "ymd": _number(day),
        "prev": _number(day - dt.timedelta(days=1)),
    }


def window_condition(window: WindowRecord) -> str:
    """Return a Cedar expression that is true while a window is open."""
    t = f"context.t[{string_literal(window.zone)}]"
    today = f"{long_set(window.weekdays)}.contains({t}.wd){_dates(window, f'{t}.ymd')}"
    start, end = window.start_minute, window.end_minute
    if end > start:
        return f"({today} && {t}.min >= {start} && {t}.min < {end})"
    shifted = tuple(sorted(day % 7 + 1 for day in window.weekdays))
    yesterday = f"{long_set(shifted)}.contains({t}.wd){_dates(window, f'{t}.prev')}"
    return f"(({today} && {t}.min >= {start}) || ({yesterday} && {t}.min < {end}))"


def is_open(window: WindowRecord, now: dt.datetime, transitions: Transitions) -> bool:
    """Say whether a window is open, exactly as its Cedar expression would."""
    local = zone_fields(transitions, now)
    start, end = window.start_minute, window.end_minute
    today = local["wd"] in window.weekdays and _in_dates(window, local["ymd"])
    if end > start:
        return today and start <= local["min"] < end
    before = (local["wd"] - 2) % 7 + 1
    yesterday = before in window.weekdays and _in_dates(window, local["prev"])
    return (today and local["min"] >= start) or (yesterday and local["min"] < end)


def next_transitions(
    window: WindowRecord,
    now: dt.datetime,
    transitions: Transitions,
    count: int = 10,
) -> list[tuple[dt.datetime, bool]]:
    """Return the next moments at which a window opens (True) or closes (False)."""
    found: list[tuple[dt.datetime, bool]] = []
    state = is_open(window, now, transitions)
    for epoch in _candidates(window, int(now.timestamp()), transitions):
        moment = dt.datetime.fromtimestamp(epoch, dt.UTC)
        later = is_open(window, moment, transitions)
        if later != state:
            found.append((moment, later))
            state = later
            if len(found) == count:
                break
    return found


def _candidates(
    window: WindowRecord, now: int, transitions: Transitions
) -> Iterator[int]:
    """Yield in order every instant after now at which a window could turn."""
    offsets = sorted({offset for _, offset in transitions})
    minutes = {0, window.start_minute, window.end_minute}
    first = now // _DAY - 1
    instants = {
        day * _DAY + minute * _MINUTE - offset
        for day in range(first, first + _DAYS_AHEAD)
        for minute in minutes
        for offset in offsets
    }
    instants |= {epoch for epoch, _ in transitions}
    # Sorted as a whole: with two offsets, the days overlap.
    yield from sorted(epoch for epoch in instants if epoch > now)


def _number(day: dt.date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def _bounds(window: WindowRecord) -> tuple[int | None, int | None]:
    first, last = window.date_from, window.date_until
    return (
        _number(dt.date.fromisoformat(first)) if first else None,
        _number(dt.date.fromisoformat(last)) if last else None,
    )


def _in_dates(window: WindowRecord, ymd: int) -> bool:
    first, last = _bounds(window)
    return (first is None or ymd >= first) and (last is None or ymd <= last)


def _dates(window: WindowRecord, ymd: str) -> str:
    first, last = _bounds(window)
    text = "" if first is None else f" && {ymd} >= {first}"
    return text if last is None else f"{text} && {ymd} <= {last}"
