"""Who may vote, and when a stage is decided. Values in, a result with a reason out.

Persons are compared by user id, never by name or credential: a second passkey or a
renamed account does not make a second person.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from apps.approvals.choices import Verdict
from apps.approvals.errors import FlowInvalidError

APPROVER_ROLE = "approver"
MAX_QUORUM = 9


class Reason(StrEnum):
    """Why a person may not vote, or why a ballot does not count."""

    NONE = ""
    OPENER = "opener"
    AUTHOR = "author"
    LAST_EDITOR = "last_editor"
    BENEFICIARY = "beneficiary"
    INVOLVED = "involved"
    ROLE_MISSING = "role_missing"
    ALREADY_VOTED = "already_voted"

    @property
    def sentence(self) -> str:
        """Say the reason to the person concerned."""
        return _SENTENCES[self]


_SENTENCES = {
    Reason.NONE: "",
    Reason.OPENER: "You opened this request, so another person must decide.",
    Reason.AUTHOR: "You wrote part of this change, so another person must decide.",
    Reason.LAST_EDITOR: "You edited this change last, so another person must decide.",
    Reason.BENEFICIARY: "You would gain by this, so another person must decide.",
    Reason.INVOLVED: "You are behind what is asked for, so another person must decide.",
    Reason.ROLE_MISSING: "Only members with the approver role decide on requests.",
    Reason.ALREADY_VOTED: "You have voted on this request already.",
}


class Outcome(StrEnum):
    """What the ballots of a stage add up to."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"


@dataclass(frozen=True)
class Stage:
    """One step of a flow: who decides, and how many of them."""

    name: str
    approvers: str
    quorum: int
    deny_threshold: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Return the form that is stored and signed."""
        return {
            "name": self.name,
            "approvers": self.approvers,
            "quorum": self.quorum,
            "deny_threshold": self.deny_threshold,
        }


@dataclass(frozen=True)
class Flow:
    """The ordered stages that a request passes. This release knows one stage."""

    stages: tuple[Stage, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the form that is stored and signed."""
        return {"v": 1, "stages": [stage.to_dict() for stage in self.stages]}


DEFAULT_FLOW = Flow(stages=(Stage(name="Review", approvers=APPROVER_ROLE, quorum=1),))


@dataclass(frozen=True)
class Parties:
    """The persons behind a request, none of whom may decide on it."""

    opener: uuid.UUID | None
    authors: frozenset[uuid.UUID] = frozenset()
    last_editors: frozenset[uuid.UUID] = frozenset()
    beneficiary: uuid.UUID | None = None
    involved: frozenset[uuid.UUID] = frozenset()

    def reason_for(self, user_id: uuid.UUID) -> Reason:
        """Return why a person is behind the request, or Reason.NONE."""
        behind = (
            (Reason.OPENER, {self.opener}),
            (Reason.AUTHOR, self.authors),
            (Reason.LAST_EDITOR, self.last_editors),
            (Reason.BENEFICIARY, {self.beneficiary}),
            (Reason.INVOLVED, self.involved),
        )
        return next((why for why, who in behind if user_id in who), Reason.NONE)


@dataclass(frozen=True)
class Ballot:
    """One person's verdict, with the roles that the person held when casting it."""

    user_id: uuid.UUID
    verdict: Verdict
    roles: frozenset[str]


@dataclass(frozen=True)
class Quorum:
    """The state of a stage: its outcome and how it came about."""

    outcome: Outcome
    approvals: int
    denials: int
    needed: int
    ignored: tuple[tuple[uuid.UUID, Reason], ...] = ()

    @property
    def missing(self) -> int:
        """Return how many approvals are still needed."""
        return max(0, self.needed - self.approvals)


def parse_flow(value: Mapping[str, Any]) -> Flow:
    """Read a stored flow strictly; raise FlowInvalidError at what cannot be met."""
    if set(value) != {"v", "stages"} or value["v"] != 1:
        raise FlowInvalidError("A flow has version 1 and a list of stages.")
    stages = value["stages"]
    if not isinstance(stages, list) or len(stages) != 1:
        raise FlowInvalidError("A flow has exactly one stage.", field="stages")
    return Flow(stages=tuple(_parse_stage(stage) for stage in stages))


def may_vote(
    *,
    user_id: uuid.UUID,
    roles: frozenset[str],
    stage: Stage,
    parties: Parties,
    voted: Iterable[uuid.UUID] = (),
) -> Reason:
    """Return Reason.NONE, or why this person may not vote on this stage."""
    behind = parties.reason_for(user_id)
    if behind is not Reason.NONE:
        return behind
    if stage.approvers not in roles:
        return Reason.ROLE_MISSING
    if user_id in set(voted):
        return Reason.ALREADY_VOTED
    return Reason.NONE


def evaluate_quorum(
    *, stage: Stage, parties: Parties, ballots: Iterable[Ballot]
) -> Quorum:
    """Count the ballots that count. A denial outweighs any number of approvals.

    Every ballot is judged again here, so that a row which should never have been
    written still cannot carry a decision.
    """
    counted: dict[uuid.UUID, Verdict] = {}
    ignored: list[tuple[uuid.UUID, Reason]] = []
    for ballot in ballots:
        reason = may_vote(
            user_id=ballot.user_id,
            roles=ballot.roles,
            stage=stage,
            parties=parties,
            voted=counted,
        )
        if reason is Reason.NONE:
            counted[ballot.user_id] = ballot.verdict
        else:
            ignored.append((ballot.user_id, reason))
    approvals = sum(verdict is Verdict.APPROVE for verdict in counted.values())
    denials = len(counted) - approvals
    outcome = Outcome.PENDING
    if denials >= stage.deny_threshold:
        outcome = Outcome.DENIED
    elif approvals >= stage.quorum:
        outcome = Outcome.APPROVED
    return Quorum(
        outcome=outcome,
        approvals=approvals,
        denials=denials,
        needed=stage.quorum,
        ignored=tuple(ignored),
    )


def changed_fields(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> list[tuple[str, Any, Any]]:
    """Return (field, before, after) for every field that differs, in field order."""
    old, new = before or {}, after or {}
    return [
        (field, old.get(field), new.get(field))
        for field in sorted({*old, *new})
        if old.get(field) != new.get(field)
    ]


def readable(value: Any) -> list[str]:  # noqa: ANN401  # any JSON value
    """Return a value of a policy's content as lines that a person can compare."""
    match value:
        case None | "" | []:
            return []
        case list():
            return [line for part in value for line in readable(part)]
        case {"type": kind, **rest} if set(rest) <= {"id"}:
            return [f"{kind} {rest['id']}" if rest.get("id") else f"any {kind}"]
        case {"attribute": attribute, "op": op, "value": wanted}:
            return [f"{attribute} {op} {', '.join(readable(wanted)) or wanted}"]
        case dict():
            return [f"{k}: {', '.join(readable(v))}" for k, v in value.items()]
        case _:
            return [str(value)]


def _parse_stage(value: Any) -> Stage:  # noqa: ANN401  # checked here
    known = {"name", "approvers", "quorum", "deny_threshold"}
    if not isinstance(value, dict) or set(value) != known:
        raise FlowInvalidError(f"A stage has exactly the fields {sorted(known)}.")
    if value["approvers"] != APPROVER_ROLE:
        raise FlowInvalidError(
            "Approvers are named by a tenant role.", field="approvers"
        )
    for field in ("quorum", "deny_threshold"):
        number = value[field]
        if type(number) is not int or not 1 <= number <= MAX_QUORUM:
            raise FlowInvalidError(
                f"The {field.replace('_', ' ')} is a number from 1 to {MAX_QUORUM}.",
                field=field,
                remedy="Nothing is approved by nobody; use at least 1.",
            )
    return Stage(**value)
