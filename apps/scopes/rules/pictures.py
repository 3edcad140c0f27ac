"""What the pictures of a window show: real hours of real days, in its zone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from apps.scopes.rules.windows import MINUTES_A_DAY, time_text
from engine.calendar import Transitions, is_open, next_transitions
from protocol.records import WindowRecord

WEEKS = 4
_DAYS_A_WEEK = 7
_MOST_TURNS = 400


@dataclass(frozen=True)
class Span:
    """A time of one day during which the window is open, in minutes of its clock."""

    start: int
    end: int

    @property
    def text(self) -> str:
        """Return it as people write it."""
        return f"{time_text(self.start)} to {time_text(self.end)}"


@dataclass(frozen=True)
class PictureDay:
    """One date, and when the window is open on it."""

    date: dt.date
    spans: tuple[Span, ...]
    is_today: bool = False
    note: str = ""

    @property
    def text(self) -> str:
        """Say it in words."""
        hours = ", ".join(span.text for span in self.spans) or "closed"
        return (
            f"{self.date:%A %Y-%m-%d}: {hours}{f' ({self.note})' if self.note else ''}"
        )


def picture_days(
    window: WindowRecord,
    now: dt.datetime,
    transitions: Transitions,
    notes: dict[dt.date, str],
) -> list[PictureDay]:
    """Return four weeks of days, from the Monday of this week on.

    The transitions have to reach back to that Monday. `notes` names special dates.
    """
    zone = ZoneInfo(window.zone)
    today = now.astimezone(zone).date()
    monday = today - dt.timedelta(days=today.weekday())
    dates = [monday + dt.timedelta(days=n) for n in range(WEEKS * _DAYS_A_WEEK)]
    begin = _midnight(monday, zone)
    turns = _turns(window, begin, transitions)
    return [
        PictureDay(
            date,
            _spans(
                turns, _midnight(date, zone), _midnight(date + dt.timedelta(1), zone)
            ),
            date == today,
            notes.get(date, ""),
        )
        for date in dates
    ]


def picture_start(zone: str, now: dt.datetime) -> dt.datetime:
    """Return the instant from which the pictures need to know the zone's offsets."""
    local = now.astimezone(ZoneInfo(zone))
    return now - dt.timedelta(days=local.weekday() + 2)


def _midnight(date: dt.date, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(date, dt.time(), zone)


def _turns(
    window: WindowRecord, begin: dt.datetime, transitions: Transitions
) -> list[tuple[dt.datetime, bool]]:
    """Return the state at the beginning, and every change after it."""
    begin = begin.astimezone(dt.UTC)
    end = begin + dt.timedelta(days=WEEKS * _DAYS_A_WEEK + 1)
    found = [(begin, is_open(window, begin, transitions))]
    for moment, opens in next_transitions(window, begin, transitions, _MOST_TURNS):
        if moment >= end:
            break
        found.append((moment, opens))
    return found


def _spans(
    turns: Sequence[tuple[dt.datetime, bool]], start: dt.datetime, end: dt.datetime
) -> tuple[Span, ...]:
    """Return when the window is open between two midnights."""
    spans = []
    for (moment, opens), following in zip(
        turns, [*(m for m, _ in turns[1:]), None], strict=True
    ):
        last = end if following is None else min(end, following)
        first = max(start, moment)
        if opens and first < last:
            zone = start.tzinfo
            left = _minute(first.astimezone(zone))
            right = MINUTES_A_DAY if last >= end else _minute(last.astimezone(zone))
            # Where the clock goes back, an end can show less than its start.
            spans.append(Span(left, max(right, left + 1)))
    return tuple(spans)


def _minute(local: dt.datetime) -> int:
    return local.hour * 60 + local.minute


_HOURS_WIDTH, _LABEL_WIDTH, _ROW = 300, 50, 22
_CELL_WIDTH, _CELL_HEIGHT, _CELL_BAR = 50, 44, 42


@dataclass(frozen=True)
class Bar:
    """A colored stretch of a picture."""

    x: float
    width: float


@dataclass(frozen=True)
class Place:
    """A day of a picture, where it is drawn, and its bars."""

    day: PictureDay
    x: int
    y: int
    bars: tuple[Bar, ...]

    @property
    def middle(self) -> int:
        """Return the height at which its label stands."""
        return self.y + 15


def week_strip(days: Sequence[PictureDay]) -> list[Place]:
    """Return the seven rows of a week, midnight to midnight."""
    return [
        Place(day, 0, n * _ROW, _bars(day, _LABEL_WIDTH, _HOURS_WIDTH))
        for n, day in enumerate(days[:_DAYS_A_WEEK])
    ]


def hour_marks() -> list[tuple[float, str]]:
    """Return where the hours of a week strip stand."""
    return [
        (_LABEL_WIDTH + hour * _HOURS_WIDTH / 24, f"{hour:02d}")
        for hour in range(0, 25, 6)
    ]


def month_grid(days: Sequence[PictureDay]) -> list[Place]:
    """Return the cells of four weeks, Monday first."""
    places = []
    for n, day in enumerate(days):
        row, column = divmod(n, _DAYS_A_WEEK)
        x, y = column * (_CELL_WIDTH + 1), 18 + row * (_CELL_HEIGHT + 1)
        places.append(Place(day, x, y, _bars(day, x + 4, _CELL_BAR)))
    return places


def _bars(day: PictureDay, left: float, width: float) -> tuple[Bar, ...]:
    scale = width / MINUTES_A_DAY
    return tuple(
        Bar(
            round(left + span.start * scale, 1),
            round(max((span.end - span.start) * scale, 1), 1),
        )
        for span in day.spans
    )
