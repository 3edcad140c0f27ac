"""When something is allowed, over hours or days: decided at every instant that counts.

A verdict can only change where a clock says so: at the edge of a window, at a date, at
the change of a zone's offset, at the start or end of an assignment, an interval or a
waiver. Those edges are collected from what could be about the question, and what lies
between two of them is decided once. Texts that use the clock in other ways are decided
every minute instead, which is exact for local times.
"""

from __future__ import annotations

import bisect
import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from apps.simulation.rules.levels import all_grants
from engine.calendar import Transitions
from engine.decide import Decision, PolicyEngine, Request
from engine.entities import role_entities
from engine.index import request_keys
from protocol.records import PolicyRecord

_DAY, _MINUTE = 86_400, 60
_STRING = re.compile(r'"(?:\\.|[^"\\])*"')
_ZONE = re.compile(r'context\.t\["([^"\\]+)"\]')
_CLOCK = re.compile(r"context\.t\[|context\.now\b")
# The ways in which compiled policies use the clock.
_LOCAL_MINUTE = re.compile(r'context\.t\["([^"\\]+)"\]\.min (>=|<) (\d+)')
_LOCAL_DAY = re.compile(r'context\.t\["[^"\\]+"\]\.(wd|ymd|prev)\b')
_INSTANT = re.compile(r'context\.now (>=|<) datetime\("([^"\\]+)"\)')
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Stretch:
    """A time in which a question is answered in one way. The end is not part of it."""

    start: dt.datetime
    end: dt.datetime
    decision: Decision

    @property
    def allowed(self) -> bool:
        """Return the verdict."""
        return self.decision.allowed


@dataclass(frozen=True)
class Strip:
    """All stretches from start to end. `decided` is how often it was asked."""

    start: dt.datetime
    end: dt.datetime
    stretches: tuple[Stretch, ...]
    decided: int

    @property
    def turns(self) -> tuple[Stretch, ...]:
        """Return the stretches that begin with a change."""
        return self.stretches[1:]


def strip(
    engine: PolicyEngine,
    request: Request,
    *,
    start: dt.datetime,
    end: dt.datetime,
) -> Strip:
    """Return when a question is allowed from `start` on, up to `end`.

    Raises ContextError for a context of the wrong types.
    """
    moments = edges(engine, request, start=start, end=end)
    found: list[Stretch] = []
    for begin, until in zip(moments, [*moments[1:], end], strict=True):
        decision = engine.decide(replace(request, now=begin))
        if found and _says(found[-1].decision) == _says(decision):
            found[-1] = replace(found[-1], end=until)
        else:
            found.append(Stretch(begin, until, decision))
    return Strip(start, end, tuple(found), len(moments))


def edges(
    engine: PolicyEngine,
    request: Request,
    *,
    start: dt.datetime,
    end: dt.datetime,
) -> list[dt.datetime]:
    """Return every instant at which the answer could change, the start among them."""
    holdings = engine.entities.holdings
    grants = list(all_grants(holdings, request.principal))
    roles = role_entities(holdings.above(grants))
    places = engine.entities.above_resource(request.resource)
    who = request_keys(request.principal, roles)
    what = request_keys(request.resource, places - {request.resource})
    numbers = engine.halves.of_principal(who, request.action)
    numbers &= engine.halves.of_resource(what, request.action)
    found = {start}
    for grant in grants:
        found.update((grant.start, grant.end))
    found.update(holdings.waivers_end)
    span = (_epoch(start), _epoch(end))
    for number in numbers:
        found.update(_intervals(engine.policy_of(number)))
        text = engine.statements[number].cedar
        found.update(_of_text(text, engine, span))
    return sorted(moment for moment in found if start <= moment < end)


def _intervals(policy: PolicyRecord) -> Iterator[dt.datetime]:
    bounds = (policy.interval.start, policy.interval.end)
    return (bound for bound in bounds if bound is not None)


def _of_text(
    text: str, engine: PolicyEngine, span: tuple[int, int]
) -> Iterator[dt.datetime]:
    """Yield the edges of a statement's text."""
    if not _CLOCK.search(_STRING.sub('""', text)):
        return
    if not _is_understood(text):
        for epoch in range(span[0] - span[0] % _MINUTE, span[1], _MINUTE):
            yield _moment(epoch)
    for match in _INSTANT.finditer(text):
        yield dt.datetime.fromisoformat(match[2])
    for zone in set(_ZONE.findall(text)):
        minutes = {int(m[3]) for m in _LOCAL_MINUTE.finditer(text) if m[1] == zone}
        yield from _local(minutes | {0}, engine.zones.get(zone, ()), span)


def _is_understood(text: str) -> bool:
    """Say whether a text uses the clock only as compiled policies do."""
    rest = text
    for known in (_LOCAL_MINUTE, _INSTANT, _LOCAL_DAY):
        rest = known.sub("", rest)
    return _CLOCK.search(_STRING.sub('""', rest)) is None


def _local(
    minutes: Iterable[int], transitions: Transitions, span: tuple[int, int]
) -> Iterator[dt.datetime]:
    """Yield when it is one of these minutes of the day in a zone, and its changes."""
    first, last = span[0] // _DAY - 1, span[1] // _DAY + 1
    for offset in {offset for _, offset in _in_force(transitions, span)}:
        for day in range(first, last + 1):
            for minute in minutes:
                yield _moment(day * _DAY + minute * _MINUTE - offset)
    for epoch, _ in transitions:
        yield _moment(epoch)


def _in_force(
    transitions: Transitions, span: tuple[int, int]
) -> Sequence[Sequence[int]]:
    """Return the offsets of a zone that are in force at any time of a span."""
    first = bisect.bisect_right(transitions, span[0], key=lambda t: t[0]) - 1
    last = bisect.bisect_left(transitions, span[1], key=lambda t: t[0])
    return transitions[max(first, 0) : max(last, 1)]


def _epoch(moment: dt.datetime) -> int:
    return int(moment.timestamp())


def _moment(epoch: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(seconds=epoch)


def _says(decision: Decision) -> tuple[object, ...]:
    return (decision.allowed, decision.reason, decision.determining)
