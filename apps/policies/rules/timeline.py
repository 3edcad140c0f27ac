"""Which version of a policy counts when, and which of them nodes have to hold.

At an instant the version of the highest number that has begun by then counts, and no
other. So a version without a start takes the place of all before it, and one that is to
come lets the others go on until exactly then. The end of a version is the end of the
policy, unless a later version has begun: what came before it does not come back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from protocol.records import Interval

# A node whose clock is behind still needs the version that the portal knows to be over.
GRACE = dt.timedelta(minutes=10)


@dataclass(frozen=True)
class Term:
    """A version and the time that it was approved for; None is open."""

    number: int
    start: dt.datetime | None = None
    end: dt.datetime | None = None


@dataclass(frozen=True)
class Span:
    """A version and the time in which it counts."""

    number: int
    interval: Interval

    def is_over(self, now: dt.datetime) -> bool:
        """Say whether the version does not count any more."""
        return self.interval.is_over(now)


def spans(terms: Iterable[Term]) -> tuple[Span, ...]:
    """Return when which version counts, the earliest first; no two overlap."""
    found: list[Span] = []
    ceiling: dt.datetime | None = None
    for term in sorted(terms, key=lambda term: -term.number):
        if ceiling and term.start and term.start >= ceiling:
            continue
        ends = [end for end in (term.end, ceiling) if end is not None]
        end = min(ends, default=None)
        if term.start is None or end is None or term.start < end:
            found.append(Span(term.number, Interval(term.start, end)))
        ceiling = term.start
        if ceiling is None:
            break
    return tuple(reversed(found))


def in_force(terms: Iterable[Term], now: dt.datetime) -> Span | None:
    """Return the version that counts at an instant, if one does."""
    return next((s for s in spans(terms) if s.interval.holds(now)), None)


def shipped(terms: Iterable[Term], now: dt.datetime) -> tuple[Span, ...]:
    """Return what nodes hold: what counts, what is to come, and what is just over."""
    return tuple(span for span in spans(terms) if not span.is_over(now - GRACE))


def record_id(slug: str, span: Span, beside: Sequence[Span]) -> str:
    """Return the name of a version's record: the first has that of the policy."""
    return slug if span == beside[0] else f"{slug}@{span.number}"
