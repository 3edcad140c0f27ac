"""Local time and time windows, from shipped offset transitions.

Cedar has no division, so weekday and minute of the day arrive as numbers in the
context, one set for each zone in use. A window is half-open: the start minute is
inside, the end minute is not. An overnight window belongs to the day it starts on.

When clocks go forward, the skipped minutes do not happen: a window that starts inside
the gap opens when local time first passes its start. When clocks go back, the repeated
hour happens twice and a window that covers it is open both times. A date that a zone
skips altogether is a gap of a day.

Within its dates a window opens on its weekdays and on `open_on`, never on `closed_on`.
`opens_at` and `closes_at` are instants, the latter not included.
"""

from __future__ import annotations

import bisect
import datetime as dt
import functools
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
    today = _opens(window, window.weekdays, f"{t}.wd", f"{t}.ymd")
    start, end = window.start_minute, window.end_minute
    if end > start:
        found = f"({today} && {t}.min >= {start} && {t}.min < {end})"
    else:
        shifted = tuple(sorted(day % 7 + 1 for day in window.weekdays))
        yesterday = _opens(window, shifted, f"{t}.wd", f"{t}.prev")
        found = f"(({today} && {t}.min >= {start}) || ({yesterday} && {t}.min < {end}))"
    return _bounded(window, found)


def is_open(window: WindowRecord, now: dt.datetime, transitions: Transitions) -> bool:
    """Say whether a window is open, exactly as its Cedar expression would."""
    first, last = _instants(window)
    if (first is not None and now < first) or (last is not None and now >= last):
        return False
    local = zone_fields(transitions, now)
    start, end = window.start_minute, window.end_minute
    today = _is_day(window, local["wd"], local["ymd"])
    if end > start:
        return today and start <= local["min"] < end
    yesterday = _is_day(window, (local["wd"] - 2) % 7 + 1, local["prev"])
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
    minutes = {window.start_minute, window.end_minute}
    first = now // _DAY - 1
    instants = {
        day * _DAY + minute * _MINUTE - offset
        for day in range(first, first + _DAYS_AHEAD)
        for minute in minutes
        for offset in offsets
    }
    instants |= {epoch for epoch, _ in transitions}
    instants |= {int(bound.timestamp()) for bound in _instants(window) if bound}
    # Sorted as a whole: with two offsets, the days overlap.
    yield from sorted(epoch for epoch in instants if epoch > now)


def _number(day: dt.date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


@functools.lru_cache(maxsize=512)
def _numbers(dates: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(_number(dt.date.fromisoformat(date)) for date in dates)


def _bounds(window: WindowRecord) -> tuple[int | None, int | None]:
    first, last = window.date_from, window.date_until
    return (
        _number(dt.date.fromisoformat(first)) if first else None,
        _number(dt.date.fromisoformat(last)) if last else None,
    )


def _instants(window: WindowRecord) -> tuple[dt.datetime | None, dt.datetime | None]:
    first, last = window.opens_at, window.closes_at
    return (
        dt.datetime.fromisoformat(first) if first else None,
        dt.datetime.fromisoformat(last) if last else None,
    )


def _is_day(window: WindowRecord, weekday: int, ymd: int) -> bool:
    """Say whether a window opens on a date."""
    first, last = _bounds(window)
    if (first is not None and ymd < first) or (last is not None and ymd > last):
        return False
    if ymd in _numbers(window.open_on):
        return True
    return weekday in window.weekdays and ymd not in _numbers(window.closed_on)


def _opens(
    window: WindowRecord, weekdays: Sequence[int], weekday: str, ymd: str
) -> str:
    """Return the Cedar expression for `_is_day`."""
    day = f"{long_set(weekdays)}.contains({weekday})"
    if window.closed_on:
        closed = long_set(_numbers(window.closed_on))
        day = f"({day} && !{closed}.contains({ymd}))"
    if window.open_on:
        day = f"({long_set(_numbers(window.open_on))}.contains({ymd}) || {day})"
    first, last = _bounds(window)
    text = day if first is None else f"{day} && {ymd} >= {first}"
    return text if last is None else f"{text} && {ymd} <= {last}"


def _bounded(window: WindowRecord, condition: str) -> str:
    """Add the instants between which a window can be open at all."""
    bounds = [
        f'context.now {sign} datetime("{moment}")'
        for sign, moment in ((">=", window.opens_at), ("<", window.closes_at))
        if moment
    ]
    return f"({' && '.join([*bounds, condition])})" if bounds else condition
