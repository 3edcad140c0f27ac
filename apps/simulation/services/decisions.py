"""Where logged decisions come from: apps above name what they keep."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from apps.simulation.rules import Logged

MOST_QUESTIONS = 200_000


@dataclass(frozen=True)
class Log:
    """Decisions to replay. `kept` is how many there are, `taken` how many are here.

    Fewer are taken when there are too many: the newest of each subject and action.
    """

    kept: int
    taken: int
    questions: int
    rows: Iterator[Logged]


Source = Callable[[dt.datetime, int], Log]
_sources: list[Source] = []


def register_decisions(source: Source) -> None:
    """Name a source of logged decisions; called once while apps get ready.

    It is given the moment from which on decisions count and how many questions it may
    return at most, inside the scope of a tenant.
    """
    if source not in _sources:
        _sources.append(source)


def sources() -> list[Source]:
    """Return all sources."""
    return list(_sources)
