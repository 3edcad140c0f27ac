"""What of a statement depends on circumstances, and what the records alone decide.

Who somebody is, what they hold and which attributes are registered stands in the
records. The time, the place, the device, a ticket are circumstances: they come with
each question. So between “never” and “always” lies “sometimes”.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from engine import cedar
from engine.conditions import Condition, ConditionKind, read_conditions
from protocol.records import PolicyRecord, Record, Statement

_STRING = re.compile(r'"(?:\\.|[^"\\])*"')
# A condition on the action belongs into the head; elsewhere it cannot be told apart.
_CONTEXT = re.compile(r"(?<![.\w])(context|action)\b")
_BODY = re.compile(r"\b(when|unless)\b")
_CLOCK = re.compile(r"\bcontext\.(t\[|now\b)")
_BESIDE = "@may-fail"


class Case(StrEnum):
    """The best and the worst that circumstances can do for whoever asks."""

    BEST = "best"
    WORST = "worst"


@dataclass(frozen=True)
class Reading:
    """A statement, split into what records decide and what circumstances do.

    `kept` are conditions on records. `can_fail` says that circumstances could make it
    end in an error, which denies. `signature` is all that the statement means besides
    its head.
    """

    effect: str
    kept: tuple[str, ...]
    circumstances: tuple[str, ...]
    can_fail: bool
    attributes: tuple[str, ...] | None
    signature: str
    is_timed: bool = False

    @property
    def is_open(self) -> bool:
        """Say whether it depends on circumstances."""
        return bool(self.circumstances)


def read(
    statement: Statement, policy: PolicyRecord, *, keeps_time: bool = False
) -> Reading:
    """Split the conditions of a statement.

    With `keeps_time` the clock is no circumstance, since the moment is known. What a
    permit asks for besides is one: unmet, it turns the answer down.
    """
    reading = replace(
        _read(statement, policy.effect, keeps_time=keeps_time),
        is_timed=_CLOCK.search(_STRING.sub('""', statement.cedar)) is not None,
    )
    if policy.effect != "permit" or not policy.obligations:
        return reading
    asked = tuple(str(one.to_dict()) for one in policy.obligations)
    return replace(
        reading,
        circumstances=(*reading.circumstances, *asked),
        can_fail=True,
        signature="\n".join((reading.signature, *asked)),
    )


def _read(statement: Statement, effect: str, *, keeps_time: bool) -> Reading:
    conditions = read_conditions(statement.cedar)
    if conditions is None:
        return _of_other_hand(statement, effect, keeps_time=keeps_time)
    kept = [c for c in conditions if not _depends(c.cedar, keeps_time=keeps_time)]
    rest = [c for c in conditions if _depends(c.cedar, keeps_time=keeps_time)]
    return Reading(
        effect,
        tuple(condition.cedar for condition in kept),
        tuple(condition.cedar for condition in rest),
        can_fail=any(c.kind is ConditionKind.OTHER for c in rest),
        attributes=_attributes(kept),
        signature=f"{effect}\n" + "\n".join(c.cedar for c in conditions),
    )


def handle_of(statement: Statement, reading: Reading) -> Any:  # noqa: ANN401  # opaque
    """Return Cedar's handle on what of a statement the records decide."""
    if reading.attributes is None and not reading.is_open:
        return cedar.parse_policies(cedar.without_head(statement.cedar, "0"))
    text = cedar.statement_text("0", "permit", cedar.NO_HEADS, reading.kept)
    return cedar.parse_policies(text)


def records_in(
    records: Iterable[Record], case: Case, *, keeps_time: bool = False
) -> list[Record]:
    """Return records that decide without circumstances as in the best or worst case.

    In the best case every condition on circumstances of a permit holds and every
    forbid that circumstances could keep away stays away; in the worst case the other
    way round. An engine of the best case permits whatever could be permitted, one of
    the worst only what always is.
    """
    found: list[Record] = []
    for record in records:
        if isinstance(record, PolicyRecord):
            found.extend(_policies_in(record, case, keeps_time=keeps_time))
        else:
            found.append(record)
    return found


def _policies_in(
    policy: PolicyRecord, case: Case, *, keeps_time: bool
) -> Iterator[PolicyRecord]:
    kept: list[Statement] = []
    failing: list[Statement] = []
    for statement in policy.statements:
        reading = read(statement, policy, keeps_time=keeps_time)
        is_for_best = (policy.effect == "permit") == (case is Case.BEST)
        if not reading.is_open or is_for_best:
            kept.append(_without_circumstances(statement, reading))
        elif case is Case.WORST and reading.can_fail:
            beside = replace(statement, id=statement.id + _BESIDE)
            forbid = replace(reading, effect="forbid")
            failing.append(_without_circumstances(beside, forbid))
    yield replace(policy, statements=tuple(kept), obligations=())
    if failing:
        yield replace(
            policy,
            id=policy.id + _BESIDE,
            effect="forbid",
            statements=tuple(failing),
            obligations=(),
        )


def _without_circumstances(statement: Statement, reading: Reading) -> Statement:
    if not reading.is_open:
        return statement
    heads = (statement.principal, statement.action, statement.resource)
    text = cedar.statement_text(statement.id, reading.effect, heads, reading.kept)
    return replace(statement, cedar=text)


def _of_other_hand(statement: Statement, effect: str, *, keeps_time: bool) -> Reading:
    """Read a text of an unknown form as one condition."""
    text = statement.cedar
    signature = f"{effect}\n{text.partition(statement.id)[2]}"
    body = text[place.start() :] if (place := _BODY.search(text)) else ""
    if _depends(body, keeps_time=keeps_time):
        return Reading(
            effect, (), (text,), can_fail=True, attributes=(), signature=signature
        )
    return Reading(
        effect, (text,), (), can_fail=False, attributes=None, signature=signature
    )


def _attributes(conditions: Sequence[Condition]) -> tuple[str, ...] | None:
    """Return the attributes of principal and resource asked for; None is all of them.

    Also the types of both count, so equal values under equal types decide equally.
    """
    if any(c.kind is not ConditionKind.ATTRIBUTE for c in conditions):
        return None
    return tuple(sorted({condition.attribute for condition in conditions}))


def _depends(text: str, *, keeps_time: bool) -> bool:
    """Say whether a condition asks for a circumstance."""
    bare = _STRING.sub('""', text)
    if keeps_time:
        bare = _CLOCK.sub("", bare)
    return _CONTEXT.search(bare) is not None
