"""How a series of samples becomes a picture. Pure geometry, no colors."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 720
HEIGHT = 160
LEFT = 44
BOTTOM = 22
TOP = 8


@dataclass(frozen=True)
class Point:
    """One sample: a share from 0 to 1 at a moment."""

    at: dt.datetime
    share: float


@dataclass(frozen=True)
class Tick:
    """A labelled line of the chart."""

    position: float
    label: str


@dataclass(frozen=True)
class Chart:
    """What the template draws."""

    line: str
    area: str
    rows: tuple[Tick, ...]
    columns: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    floor: int = HEIGHT - BOTTOM


def consistency_chart(
    points: Sequence[Point], *, since: dt.datetime, until: dt.datetime
) -> Chart:
    """Place samples between two moments; time runs to the right, all is at the top."""
    span = max((until - since).total_seconds(), 1.0)
    floor = HEIGHT - BOTTOM

    def x(moment: dt.datetime) -> float:
        return LEFT + (WIDTH - LEFT) * (moment - since).total_seconds() / span

    def y(share: float) -> float:
        return floor - (floor - TOP) * share

    placed = [(round(x(p.at), 1), round(y(p.share), 1)) for p in points]
    line = " ".join(f"{px},{py}" for px, py in placed)
    area = ""
    if placed:
        area = f"{placed[0][0]},{floor} {line} {placed[-1][0]},{floor}"
    rows = tuple(Tick(round(y(share), 1), f"{share:.0%}") for share in (0.0, 0.5, 1.0))
    columns = tuple(
        Tick(round(x(moment), 1), f"{moment:%H:%M}")
        for moment in (since + (until - since) * part / 4 for part in range(1, 5))
    )
    return Chart(line, area, rows, columns)


def percentile(values: Sequence[int], share: float) -> int | None:
    """Return the value that a share of the values does not exceed (nearest rank)."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]
