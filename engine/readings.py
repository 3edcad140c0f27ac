"""What a statement asks for, read once: its conditions, and Cedar's handle on them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine import cedar
from engine.conditions import Condition, ConditionKind, Scopes, read_conditions
from protocol.records import Statement


@dataclass(frozen=True)
class Reading:
    """The conditions of a statement, and Cedar's handle on them."""

    conditions: tuple[Condition, ...]
    texts: tuple[str, ...]
    handle: Any


def read_statement(statement: Statement, scopes: Scopes) -> Reading:
    """Read a statement's conditions; one of another hand is a single condition."""
    conditions = read_conditions(statement.cedar, scopes)
    if conditions is None:
        text = cedar.without_head(statement.cedar, "0")
        whole = Condition(ConditionKind.OTHER, statement.cedar)
        return Reading((whole,), (text,), cedar.parse_policies(text))
    texts = tuple(
        cedar.statement_text(str(number), "permit", cedar.NO_HEADS, (condition.cedar,))
        for number, condition in enumerate(conditions)
    )
    return Reading(tuple(conditions), texts, _handle(texts))


@lru_cache(maxsize=4096)
def _handle(texts: tuple[str, ...]) -> Any:  # noqa: ANN401  # opaque
    """Return Cedar's handle; many policies share their conditions."""
    return cedar.parse_policies("\n".join(texts)) if texts else None
