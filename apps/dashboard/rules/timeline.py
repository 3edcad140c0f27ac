"""A strip of time as a picture: where each stretch lies. Pure geometry, no colors."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from apps.simulation.rules.strip import Stretch, Strip

WIDTH, HEIGHT, FLOOR = 720, 64, 40
_TICKS = {1: dt.timedelta(hours=4)}
_DAILY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Bar:
    """One stretch as it is drawn and said."""

    x: float
    width: float
    allowed: bool
    words: str


@dataclass(frozen=True)
class Mark:
    """A labelled moment below the strip."""

    x: float
    label: str


@dataclass(frozen=True)
class Timeline:
    """What the template draws, and the same in words."""

    title: str
    words: str
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    stretches: tuple[Stretch, ...]
    width: int = WIDTH
    height: int = HEIGHT
    floor: int = FLOOR

    @property
    def turns(self) -> tuple[Stretch, ...]:
        """Return the stretches that begin with a change."""
        return self.stretches[1:]


def timeline(title: str, strip: Strip) -> Timeline:
    """Return how a strip is drawn."""
    span = (strip.end - strip.start).total_seconds()

    def x(moment: dt.datetime) -> float:
        return round(WIDTH * (moment - strip.start).total_seconds() / span, 2)

    bars = tuple(
        Bar(x(one.start), round(x(one.end) - x(one.start), 2), one.allowed, _says(one))
        for one in strip.stretches
    )
    marks = tuple(Mark(x(moment), label) for moment, label in _marks(strip))
    return Timeline(title, _words(strip), bars, marks, strip.stretches)


def _marks(strip: Strip) -> Iterator[tuple[dt.datetime, str]]:
    is_day = strip.end - strip.start <= _DAILY
    step = dt.timedelta(hours=4) if is_day else _DAILY
    moment = strip.start.astimezone(dt.UTC).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    while moment < strip.end:
        if moment >= strip.start:
            yield moment, f"{moment:%H:%M}" if is_day else f"{moment:%a} {moment.day}"
        moment += step


def _words(strip: Strip) -> str:
    open_for = sum(
        ((s.end - s.start) for s in strip.stretches if s.allowed), dt.timedelta()
    )
    if not open_for:
        return "Denied all the time."
    if open_for == strip.end - strip.start:
        return "Permitted all the time."
    share = round(100 * open_for / (strip.end - strip.start))
    count = len(strip.stretches) - 1
    turns = "1 change" if count == 1 else f"{count} changes"
    return f"Permitted {max(share, 1)} % of the time, with {turns}."


def _says(one: Stretch) -> str:
    verdict = "permitted" if one.allowed else "denied"
    return f"{one.start:%a %H:%M} to {one.end:%a %H:%M} UTC: {verdict}"
