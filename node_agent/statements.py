"""Compare what every statement says with what the release says of it.

The engine finds statements by the heads in the records and looks at texts only when it
needs them. A forbid whose head lies would never be found, and one that passes for a
permit would be dropped when the release is old, so no release with one gets into force.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.cedar import parse_statements
from protocol.errors import HeadMismatchError, RecordError
from protocol.records import PolicyRecord, Record, Statement

# Parsed together, statements take memory together: 100 MB for 10,000 of them.
_BATCH = 50


def check_statements(records: Iterable[Record]) -> int:
    """Return how many statements there are, all of them true.

    Raises CedarSyntaxError, HeadMismatchError, and RecordError for an id that is used
    twice.
    """
    statements = [
        (record.effect, statement)
        for record in records
        if isinstance(record, PolicyRecord)
        for statement in record.statements
    ]
    _refuse_twins([statement.id for _, statement in statements])
    for start in range(0, len(statements), _BATCH):
        _check_batch(statements[start : start + _BATCH])
    return len(statements)


def check_ids(records: Iterable[Record]) -> None:
    """Refuse a release in which two statements share an id.

    Raises RecordError.
    """
    _refuse_twins(
        [
            statement.id
            for record in records
            if isinstance(record, PolicyRecord)
            for statement in record.statements
        ]
    )


def _refuse_twins(ids: Sequence[str]) -> None:
    if len(set(ids)) != len(ids):
        raise RecordError("a statement id is used twice", code="record.duplicate")


def _check_batch(statements: Sequence[tuple[str, Statement]]) -> None:
    real = parse_statements("\n".join(statement.cedar for _, statement in statements))
    for effect, statement in statements:
        heads = (statement.principal, statement.action, statement.resource)
        believed = (effect, heads)
        if real.pop(statement.id, None) != believed:
            raise HeadMismatchError(
                f"statement {statement.id}: its text and its head disagree"
            )
    if real:
        raise HeadMismatchError(f"{min(real)} hides in the text of another statement")
