"""The moments at which a time window is most likely to be misunderstood."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from engine.calendar import next_transitions
from protocol.records import WindowRecord
from protocol.zones import zone_transitions

_SECOND = dt.timedelta(seconds=1)
_ELSEWHERE = ("UTC", "America/New_York")
Moment = tuple[str, dt.datetime]


def window_label(window: WindowRecord) -> str:
    """Return what a window is called, or what it says if it has no name."""
    if window.name:
        return window.name
    return f"{_clock(window.start_minute)} in {window.zone}"


def first_opening(window: WindowRecord, now: dt.datetime) -> dt.datetime | None:
    """Return when a window opens next, if it ever does."""
    return next((moment for moment, opens in _turns(window, now) if opens), None)


def edge_moments(window: WindowRecord, now: dt.datetime) -> Iterator[Moment]:
    """Yield moments to test, each with what it is."""
    yield from _at_edges(window, now, "")
    if window.end_minute <= window.start_minute:
        yield from _over_night(window, now)
    yield from _on_dates(window, now)
    yield from _as_clocks_change(window, now)
    yield from _in_other_zone(window, now)


def _at_edges(window: WindowRecord, now: dt.datetime, when: str) -> Iterator[Moment]:
    turns = _turns(window, now)
    opening = next((moment for moment, opens in turns if opens), None)
    if opening is None:
        return
    yield f"one second before it opens{when}", opening - _SECOND
    yield f"as it opens{when}", opening
    closing = next((m for m, opens in turns if not opens and m > opening), None)
    if closing is not None:
        yield f"one second before it closes{when}", closing - _SECOND
        yield f"as it closes{when}", closing


def _over_night(window: WindowRecord, now: dt.datetime) -> Iterator[Moment]:
    opening = first_opening(window, now)
    if opening is None:
        return
    day = opening.astimezone(ZoneInfo(window.zone)).date() + dt.timedelta(days=1)
    midnight = _instant(window.zone, day, 0)
    yield "one second before midnight", midnight - _SECOND
    yield "at midnight, of the day before", midnight


def _on_dates(window: WindowRecord, now: dt.datetime) -> Iterator[Moment]:
    """Yield a holiday and a day of exception, of those that are still to come."""
    today = now.astimezone(ZoneInfo(window.zone)).date()
    days = {
        "on the holiday {}": window.closed_on,
        "on {}, open as an exception": window.open_on,
    }
    for words, dates in days.items():
        later = [d for d in map(dt.date.fromisoformat, dates) if d > today]
        # One that would be open otherwise says more.
        later.sort(key=lambda d: (d.isoweekday() not in window.weekdays, d))
        if words.startswith("on {}"):
            later.reverse()
        for day in later[:1]:
            moment = _instant(window.zone, day, window.start_minute)
            yield words.format(day.isoformat()), moment


def _as_clocks_change(window: WindowRecord, now: dt.datetime) -> Iterator[Moment]:
    seen: set[str] = set()
    transitions = zone_transitions(window.zone, int(now.timestamp()))
    for (_, before), (epoch, after) in itertools.pairwise(transitions):
        way = "forward" if after > before else "back"
        if way in seen:
            continue
        seen.add(way)
        moment = dt.datetime.fromtimestamp(epoch, dt.UTC)
        yield f"one second before clocks go {way}", moment - _SECOND
        yield f"as clocks go {way}", moment
        if way == "back":
            yield (
                "in the hour that happens twice",
                moment + _seconds(before - after) / 2,
            )
        else:
            # What the skipped hour would have been by the old clock.
            yield "after the hour that is skipped", moment + _seconds(after - before)
        day = moment - dt.timedelta(hours=2)
        yield from list(_at_edges(window, day, f" after clocks went {way}"))[:2]


def _in_other_zone(window: WindowRecord, now: dt.datetime) -> Iterator[Moment]:
    opening = first_opening(window, now)
    if opening is None:
        return
    local = opening.astimezone(ZoneInfo(window.zone))
    for zone in _ELSEWHERE:
        there = local.replace(tzinfo=ZoneInfo(zone))
        if there.utcoffset() != local.utcoffset():
            clock = f"{local:%H:%M}"
            yield f"{clock} by the clock of {zone}", there.astimezone(dt.UTC)
            return


def _turns(window: WindowRecord, now: dt.datetime) -> list[tuple[dt.datetime, bool]]:
    transitions = zone_transitions(window.zone, int(now.timestamp()))
    return next_transitions(window, now, transitions, count=3)


def _instant(zone: str, day: dt.date, minute: int) -> dt.datetime:
    hour, rest = divmod(minute, 60)
    local = dt.datetime.combine(day, dt.time(hour, rest), ZoneInfo(zone))
    return local.astimezone(dt.UTC)


def _seconds(count: int) -> dt.timedelta:
    return dt.timedelta(seconds=count)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
