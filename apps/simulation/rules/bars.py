"""Gains and losses as bars to both sides of a line. Pure geometry, no colors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, ROW, BAR, NAME = 720, 30, 18, 200
MOST = 12
_MORE, _LESS = ("gained", "widened"), ("lost", "narrowed")


@dataclass(frozen=True)
class Bar:
    """One row: what is lost goes to the left, what is gained to the right."""

    name: str
    more: int
    less: int
    y: int
    text_y: int
    left: float
    left_width: float
    right_width: float


@dataclass(frozen=True)
class Bars:
    """What the template draws; the same stands in a table below."""

    rows: tuple[Bar, ...]
    middle: float
    height: int
    width: int = WIDTH
    thickness: int = BAR


def bars_of(rows: Sequence[Mapping[str, Any]]) -> Bars:
    """Return the bars of rows with a name and counts."""
    counts = [
        (
            str(row["name"]) or "no role",
            sum(int(row[name]) for name in _MORE),
            sum(int(row[name]) for name in _LESS),
        )
        for row in rows[:MOST]
    ]
    counts = [one for one in counts if one[1] or one[2]]
    most_less = max((less for _, _, less in counts), default=0)
    most_more = max((more for _, more, _ in counts), default=0)
    room = WIDTH - NAME
    unit = room / max(most_less + most_more, 1)
    middle = round(NAME + most_less * unit, 1)
    return Bars(
        tuple(
            Bar(
                name,
                more,
                less,
                number * ROW + (ROW - BAR) // 2,
                number * ROW + ROW // 2,
                round(middle - less * unit, 1),
                round(less * unit, 1),
                round(more * unit, 1),
            )
            for number, (name, more, less) in enumerate(counts)
        ),
        middle,
        max(len(counts), 1) * ROW,
    )
