"""Compare what every statement says with what the release says of it.

The engine finds statements by the heads in the records and looks at texts only when it
needs them. A forbid whose head lies would never be found, and one that passes for a
permit would be dropped when the release is old, so no release with one gets into force.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from engine.cedar import parse_statements
from engine.validity import check_versions
from protocol.errors import HeadMismatchError, RecordError
from protocol.records import PolicyRecord, Record, Statement

# Parsed together, statements take memory together: 100 MB for 10,000 of them.
_BATCH = 50


def check_statements(records: Iterable[Record]) -> int:
    """Return how many statements there are, all of them true.

    Raises CedarSyntaxError, HeadMismatchError, and RecordError for an id that is used
    twice.
    """
    found = list(records)
    check_ids(found)
    waves: list[dict[str, tuple[str, Statement]]] = [{}]
    for policy in _policies(found):
        for statement in policy.statements:
            _place(waves, (policy.effect, statement))
    for wave in waves:
        statements = list(wave.values())
        for start in range(0, len(statements), _BATCH):
            _check_batch(statements[start : start + _BATCH])
    return sum(map(len, waves))


def check_ids(records: Iterable[Record]) -> None:
    """Refuse a release in which two statements that may count at once share an id.

    Versions of one policy may share ids; none of them counts while another does.

    Raises RecordError.
    """
    found = list(records)
    check_versions(found)
    owners: dict[str, str] = {}
    for policy in _policies(found):
        ids = [statement.id for statement in policy.statements]
        others = {owners.setdefault(ident, policy.slug) for ident in ids}
        if len(set(ids)) != len(ids) or others - {policy.slug}:
            raise RecordError("a statement id is used twice", code="record.duplicate")


def _place(
    waves: list[dict[str, tuple[str, Statement]]], item: tuple[str, Statement]
) -> None:
    """Put a statement where no other has its id, as they are parsed together."""
    ident = item[1].id
    for wave in waves:
        if ident not in wave:
            wave[ident] = item
            return
    waves.append({ident: item})


def _policies(records: Iterable[Record]) -> Iterator[PolicyRecord]:
    return (record for record in records if isinstance(record, PolicyRecord))


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
