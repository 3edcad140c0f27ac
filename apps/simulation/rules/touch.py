"""Which questions a change could touch at all, by the heads of what is different."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from apps.simulation.rules.changes import Pair
from engine.decide import PolicyEngine
from engine.entities import role_entities
from engine.index import HalfIndex, request_keys
from protocol.records import (
    EligibilityRecord,
    EntityRef,
    LocationRecord,
    PolicyRecord,
    Statement,
    WindowRecord,
)

# Windows and locations count by the text of policies, which holds what they meant.
_BY_HEADS = (PolicyRecord, WindowRecord, LocationRecord, EligibilityRecord)


def is_by_heads(pairs: Iterable[Pair]) -> bool:
    """Say whether nothing but the statements of policies is different."""
    return all(
        isinstance(record, _BY_HEADS)
        for pair in pairs
        for record in pair
        if record is not None
    )


def different(pairs: Iterable[Pair]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the ids of statements that the other side does not have, on each side."""
    old: dict[object, set[str]] = {}
    new: dict[object, set[str]] = {}
    for before, after in pairs:
        for side, record in ((old, before), (new, after)):
            if isinstance(record, PolicyRecord):
                for statement in record.statements:
                    means = _meaning(record, statement)
                    side.setdefault(means, set()).add(statement.id)
    return _only(old, new), _only(new, old)


class Touch:
    """Says quickly of a question whether a change could touch it at any time.

    It may say so of one that it does not, and never the other way round.
    """

    def __init__(
        self, sides: Iterable[tuple[PolicyEngine, frozenset[str]]], *, by_heads: bool
    ) -> None:
        self._by_heads = by_heads
        self._sides = [_Side(engine, names) for engine, names in sides]

    def could(self, principal: EntityRef, action: str, resource: EntityRef) -> bool:
        """Say whether the answer to a question could change."""
        if not self._by_heads:
            return True
        return any(one.could(principal, action, resource) for one in self._sides)


class _Side:
    def __init__(self, engine: PolicyEngine, names: frozenset[str]) -> None:
        self._entities = engine.entities
        statements = [one for one in engine.statements if one.id in names]
        self._halves = HalfIndex(statements)
        self._is_empty = not statements
        self._who: dict[tuple[EntityRef, str], set[int]] = {}
        self._what: dict[tuple[EntityRef, str], set[int]] = {}

    def could(self, principal: EntityRef, action: str, resource: EntityRef) -> bool:
        if self._is_empty:
            return False
        what = self._what.get((resource, action))
        if what is None:
            places = self._entities.above_resource(resource) - {resource}
            keys = request_keys(resource, places)
            what = self._halves.of_resource(keys, action)
            self._what[resource, action] = what
        if not what:
            return False
        who = self._who.get((principal, action))
        if who is None:
            # All that is held at any time and anywhere.
            holdings = self._entities.holdings
            held = holdings.above(holdings.grants.get(principal, ()))
            keys = request_keys(principal, role_entities(held))
            who = self._halves.of_principal(keys, action)
            self._who[principal, action] = who
        return not who.isdisjoint(what)


def _meaning(policy: PolicyRecord, statement: Statement) -> object:
    text = statement.cedar.replace(statement.id, "", 1)
    # Intervals and the like are members of the record besides its text.
    body: dict[str, Any] = policy.body()
    rest = [
        (name, repr(body[name]))
        for name in sorted(body)
        if name
        not in {"statements", "name", "version", "change", "windows", "locations"}
    ]
    heads = (statement.principal, statement.action, statement.resource)
    return (text, heads, tuple(rest))


def _only(
    side: dict[object, set[str]], other: dict[object, set[str]]
) -> frozenset[str]:
    return frozenset(
        name for means, names in side.items() if means not in other for name in names
    )
