"""What a measurement is, and how the table of them looks."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measured value in milliseconds, and what it is compared with.

    A note says what the value is made of, where that is not plain.
    """

    name: str
    value: float
    baseline_name: str
    baseline: float
    note: str = ""

    @property
    def ratio(self) -> float:
        """Return how many times the baseline the value is."""
        return self.value / self.baseline if self.baseline else float("nan")

    def as_dict(self) -> dict[str, Any]:
        """Return the figure for `--json`."""
        return {**vars(self), "ratio": self.ratio}


def milliseconds(work: Callable[[], object], rounds: int) -> list[float]:
    """Run work several times and return how long each took."""
    found = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        found.append((time.perf_counter() - started) * 1000)
    return found


def median(values: Sequence[float]) -> float:
    """Return the middle value."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that such a share of all values does not exceed."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def table(figures: Sequence[Figure]) -> str:
    """Return the figures for people."""
    head = ("figure", "ms", "baseline", "ms", "ratio", "note")
    rows = [
        (
            figure.name,
            f"{figure.value:.3f}",
            figure.baseline_name,
            f"{figure.baseline:.3f}",
            f"{figure.ratio:.2f}",
            figure.note,
        )
        for figure in figures
    ]
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = []
    for row in (head, *rows):
        cells = zip(row, widths, strict=True)
        lines.append("  ".join(cell.ljust(width) for cell, width in cells).rstrip())
    return "\n".join(lines)
