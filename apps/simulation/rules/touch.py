"""Which statements are different, so that others need no second look."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from apps.simulation.rules.changes import Pair
from protocol.records import (
    CaseRecord,
    EligibilityRecord,
    LocationRecord,
    PolicyRecord,
    Statement,
    WindowRecord,
)

# Windows and locations count by the text of policies, which holds what they meant.
_BY_HEADS = (
    PolicyRecord,
    WindowRecord,
    LocationRecord,
    EligibilityRecord,
    CaseRecord,
)


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
