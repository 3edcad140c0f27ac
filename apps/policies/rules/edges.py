"""Tests that a policy suggests by itself: what it says at each of its edges.

What a proposed test expects is what the policy answers now. It is for whoever keeps it
to see whether that was meant.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from apps.policies.rules.catalogue import Catalogue
from apps.policies.rules.edge_times import edge_moments, window_label
from apps.policies.rules.testcases import TestCase
from apps.policies.rules.testing import case_records
from apps.policies.rules.witnesses import (
    Question,
    inside,
    other_value,
    outside,
    witness,
)
from engine.cedar import CONTEXT_RANGES, conjuncts
from engine.conditions import (
    Condition,
    ConditionKind,
    Scopes,
    read_condition,
    read_conditions,
)
from engine.decide import FORBIDDEN
from engine.selftest import Bench, CaseResult
from protocol.records import LocationRecord, Statement

MOST_PROPOSALS = 400
# A number in brackets may follow.
_LONGEST_NAME = 190
_FORBID = "forbid"
Named = tuple[str, Question]


class EdgeKind(StrEnum):
    """What a proposed test is about."""

    STATEMENT = "statement"
    WINDOW = "window"
    LOCATION = "location"
    CONDITION = "condition"


@dataclass(frozen=True)
class Edge:
    """A proposed test. `is_needed` says that a forbid is not covered without it."""

    kind: EdgeKind
    case: TestCase
    is_needed: bool = False


def propose_tests(
    effect: str,
    statements: Sequence[Statement],
    catalogue: Catalogue,
    *,
    now: dt.datetime,
    kept: Sequence[TestCase] = (),
) -> tuple[Edge, ...]:
    """Return tests for the edges of a policy, without those that it has already.

    Those of statements come first, then each condition once, however many statements
    have it.
    """
    start = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    found: dict[str, tuple[EdgeKind, Question]] = {}
    for kind, name, question in _all(statements, catalogue, start):
        found.setdefault(_free(name, question, found), (kind, question))
    known = {case.name for case in kept}
    cases = [
        (kind, question.case(name))
        for name, (kind, question) in found.items()
        if name not in known
    ][:MOST_PROPOSALS]
    bench = Bench(effect, tuple(statements))
    records = case_records([case for _, case in cases], "p", statements, catalogue)
    return tuple(
        _edge(kind, case, bench.run(record), effect)
        for (kind, case), record in zip(cases, records, strict=True)
    )


def _edge(kind: EdgeKind, case: TestCase, result: CaseResult, effect: str) -> Edge:
    """Let the evaluator say what the answer is."""
    # A policy that only forbids denies in any case; why it does is what matters.
    reason = result.reason if effect == _FORBID else ""
    return Edge(
        kind,
        replace(case, expect=result.got, reason=reason),
        kind is EdgeKind.STATEMENT and reason == FORBIDDEN,
    )


def _free(
    name: str, question: Question, taken: Mapping[str, tuple[EdgeKind, Question]]
) -> str:
    """Return a name that no other question has."""
    name = name[:_LONGEST_NAME]
    found, number = name, 1
    while found in taken and taken[found][1] != question:
        number += 1
        found = f"{name} ({number})"
    return found


def _all(
    statements: Sequence[Statement], catalogue: Catalogue, now: dt.datetime
) -> Iterator[tuple[EdgeKind, str, Question]]:
    scopes = Scopes(catalogue.windows.values(), catalogue.locations.values())
    bases = []
    for statement in statements:
        conditions = _conditions(statement, scopes)
        base = witness(statement, conditions, catalogue, now)
        bases.append((statement, conditions, base))
        yield EdgeKind.STATEMENT, _base_name(base), base
    for _, _, base in bases[:1]:
        yield from ((EdgeKind.STATEMENT, *one) for one in _beside(base))
    seen: set[str] = set()
    for _, conditions, base in bases:
        for condition in conditions:
            if condition.cedar not in seen:
                seen.add(condition.cedar)
                yield from _of_condition(condition, base, now)


def _of_condition(
    condition: Condition, base: Question, now: dt.datetime
) -> Iterator[tuple[EdgeKind, str, Question]]:
    match condition.kind:
        case ConditionKind.WINDOW:
            found = _of_windows(condition, base, now)
            yield from ((EdgeKind.WINDOW, *one) for one in found)
        case ConditionKind.LOCATION:
            found = _of_places(condition, base)
            yield from ((EdgeKind.LOCATION, *one) for one in found)
        case ConditionKind.ATTRIBUTE:
            found = _of_attribute(condition, base)
            yield from ((EdgeKind.CONDITION, *one) for one in found)
        case ConditionKind.OTHER:
            return


def _of_windows(
    condition: Condition, base: Question, now: dt.datetime
) -> Iterator[Named]:
    for window in condition.windows:
        label = window_label(window)
        for words, moment in edge_moments(window, now):
            yield f"{label}: {words}", base.at_time(moment)


def _of_attribute(condition: Condition, base: Question) -> Iterator[Named]:
    for words, value in _values(condition):
        yield words, base.with_value(condition.attribute, value)


def _of_places(condition: Condition, base: Question) -> Iterator[Named]:
    everywhere: dict[str, Any] = {}
    for place in condition.locations:
        yield from _of_place(place, base)
        everywhere = outside(place) | everywhere
    if len(condition.locations) > 1:
        yield "from outside all of the places", base.from_place(everywhere)


def _of_place(place: LocationRecord, base: Question) -> Iterator[Named]:
    label = place.name or next(iter((*place.cidrs, *place.countries)), "the place")
    within, without = inside(place), outside(place)
    yield f"{label}: from inside", base.from_place(within)
    yield f"{label}: from outside", base.from_place(without)
    yield f"{label}: from a place that is not known", base.from_place({})
    for words, where in (("inside", within), ("outside", without)):
        address = where.get("ip", "")
        if "." in address:
            mapped = {**where, "ip": f"::ffff:{address}"}
            yield (
                f"{label}: from {words}, the address written as IPv6",
                base.from_place(mapped),
            )


def _values(condition: Condition) -> Iterator[tuple[str, object]]:
    name, value = condition.attribute, condition.value
    if isinstance(value, int) and not isinstance(value, bool):
        least, most = CONTEXT_RANGES.get(name, (value - 1, value + 1))
        for number, words in (
            (value - 1, f"below {value}"),
            (value, f"exactly {value}"),
            (value + 1, f"above {value}"),
        ):
            if least <= number <= most:
                yield f"{name} is {words}", number
    else:
        first = value[0] if isinstance(value, list) else value
        wanted = [value] if condition.op == "contains" else first
        yield f"{name} is {_word(first)}", wanted
        yield f"{name} is something else", other_value(condition)
    yield f"{name} is not known", None


def _beside(base: Question) -> Iterator[Named]:
    """Yield questions that miss a statement by one thing of its head."""
    if base.roles:
        yield f"without the role {base.roles[0]}", replace(base, roles=())
    elif "id" in base.principal:
        somebody = {"type": base.principal["type"], "id": "somebody-else"}
        yield (
            f"by somebody else than {base.principal['id']}",
            replace(base, principal=somebody),
        )
    if base.groups:
        yield f"outside the group {base.groups[0]}", replace(base, groups=())
    elif "id" in base.resource:
        another = {"type": base.resource["type"], "id": "something-else"}
        yield (
            f"on something else than {base.resource['id']}",
            replace(base, resource=another),
        )


def _base_name(base: Question) -> str:
    who = base.roles[0] if base.roles else base.principal.get("id", "anybody")
    what = base.resource.get("id") or f"a {base.resource['type']}"
    where = f" in {base.groups[0]}" if base.groups else ""
    return f"{who}: {base.action} {what}{where}"


def _conditions(statement: Statement, scopes: Scopes) -> list[Condition]:
    known = read_conditions(statement.cedar, scopes)
    if known is not None:
        return known
    return [read_condition(text, scopes) for text in conjuncts(statement.cedar)]


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
