"""Read flows strictly, as they are stored and as people write them.

Version 1 named one tenant role for its one stage. It still reads, because a request
keeps the flow that it was opened with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from apps.approvals.choices import RequestKind
from apps.approvals.errors import FlowInvalidError
from apps.approvals.rules.flows import (
    APPROVER_ROLE,
    OPERATORS,
    RELATIVE,
    Approver,
    ApproverType,
    Condition,
    Escalation,
    Flow,
    FlowSpec,
    Match,
    Stage,
)
from apps.approvals.rules.patterns import compile_pattern

MAX_STAGES = 5
MAX_QUORUM = 9
MAX_LISTED = 20
MAX_DEADLINE_MINUTES = 90 * 24 * 60
_LONGEST_NAME = 60
_LONGEST_VALUE = 200
_TIERS = ("read_only", "operator", "admin")
_TENANT_ROLES = ("security_admin", "approver", "auditor", "member")
_T = TypeVar("_T")


def parse_flow(value: Mapping[str, Any]) -> Flow:
    """Read a stored flow strictly; raise FlowInvalidError at what cannot be met."""
    match value:
        case {"v": 1, "stages": stages, **rest} if not rest:
            if not isinstance(stages, list) or len(stages) != 1:
                raise FlowInvalidError("A flow has exactly one stage.", field="stages")
            return Flow((_old_stage(stages[0]),))
        case {"v": 2, "name": str(name), "stages": stages, **rest} if not rest:
            return Flow(parse_stages(stages), name)
        case _:
            raise FlowInvalidError("A flow has a version and a list of stages.")


def parse_spec(value: object) -> FlowSpec:
    """Read a flow as people edit it; raise FlowInvalidError that names the field."""
    fields = _fields(
        value, "flow", ("v", "name", "kind", "order", "is_active", "match", "stages")
    )
    if fields["v"] != 2:  # noqa: PLR2004  # the version that people write
        raise FlowInvalidError("Flows are written in version 2.", field="v")
    if fields["kind"] not in RequestKind.values:
        raise FlowInvalidError(
            f"A kind is one of {', '.join(RequestKind.values)}.", field="kind"
        )
    if not isinstance(fields["is_active"], bool):
        raise FlowInvalidError("Say true or false.", field="is_active")
    return FlowSpec(
        name=_text(fields["name"], "name", _LONGEST_NAME),
        kind=RequestKind(fields["kind"]),
        order=_number(fields["order"], "order", 0, 9999),
        is_active=fields["is_active"],
        match=parse_match(fields["match"]),
        stages=parse_stages(fields["stages"]),
    )


def parse_stages(value: object) -> tuple[Stage, ...]:
    """Read the stages of a flow."""
    stages = _listed(value, "stages", _stage, MAX_STAGES)
    if not stages:
        raise FlowInvalidError(
            f"A flow has 1 to {MAX_STAGES} stages.",
            field="stages",
            remedy="Nothing is approved by nobody; add a stage.",
        )
    return stages


def parse_match(value: object) -> Match:
    """Read which requests a flow is for."""
    fields = _fields(value, "match", ("tiers", "min_risk", "min_blast_radius", "roles"))
    return Match(
        tiers=_listed(fields["tiers"], "tiers", _one_of(_TIERS, "tiers")),
        min_risk=_number(fields["min_risk"], "min_risk", 0, 100),
        min_blast_radius=_number(
            fields["min_blast_radius"], "min_blast_radius", 0, 10**6
        ),
        roles=_listed(fields["roles"], "roles", lambda one: _text(one, "roles", 63)),
    )


def _stage(value: object) -> Stage:
    fields = _fields(value, "stages", tuple(Stage.__dataclass_fields__))
    deadline = fields["deadline_minutes"]
    escalation = fields["escalation"]
    approvers = _listed(fields["approvers"], "approvers", _approver)
    if not approvers:
        raise FlowInvalidError("Say who decides.", field="approvers")
    if escalation is not None and deadline is None:
        raise FlowInvalidError(
            "What is escalated has a deadline.", field="deadline_minutes"
        )
    return Stage(
        name=_text(fields["name"], "name", _LONGEST_NAME),
        approvers=approvers,
        quorum=_count(fields["quorum"], "quorum"),
        deny_threshold=_count(fields["deny_threshold"], "deny_threshold"),
        deadline_minutes=None
        if deadline is None
        else _number(deadline, "deadline_minutes", 1, MAX_DEADLINE_MINUTES),
        conditions=_listed(fields["conditions"], "conditions", _condition),
        hours=_text(fields["hours"], "hours", 63, may_be_empty=True),
        escalation=None if escalation is None else _escalation(escalation),
    )


def _approver(value: object) -> Approver:
    fields = _fields(value, "approvers", ("type", "id"))
    try:
        kind = ApproverType(fields["type"])
    except ValueError as error:
        known = ", ".join(ApproverType)
        raise FlowInvalidError(
            f"Approvers are named by one of {known}.", field="approvers"
        ) from error
    name = _text(fields["id"], "approvers", 150, may_be_empty=kind in RELATIVE)
    if kind in RELATIVE and name:
        raise FlowInvalidError(f"A {kind} has no id.", field="approvers")
    if kind is ApproverType.TENANT_ROLE and name not in _TENANT_ROLES:
        raise FlowInvalidError(
            f"A tenant role is one of {', '.join(_TENANT_ROLES)}.", field="approvers"
        )
    return Approver(kind, name)


def _condition(value: object) -> Condition:
    fields = _fields(value, "conditions", ("on", "field", "op", "value"))
    on, op, wanted = fields["on"], fields["op"], fields["value"]
    if on not in ("request", "reviewer") or op not in OPERATORS:
        raise FlowInvalidError(
            "A condition is on the request or the reviewer; it says matches, equals, "
            "in or not_in.",
            field="conditions",
        )
    field = _text(fields["field"], "conditions", 63)
    if op in ("in", "not_in"):
        listed = _listed(
            wanted, "conditions", lambda one: _text(one, "conditions", _LONGEST_VALUE)
        )
        return Condition(on, field, op, listed)
    text = _text(wanted, "conditions", _LONGEST_VALUE)
    if op == "matches":
        compile_pattern(text)
    return Condition(on, field, op, text)


def _escalation(value: object) -> Escalation:
    fields = _fields(value, "escalation", ("at_percent", "approvers"))
    approvers = _listed(fields["approvers"], "escalation", _approver)
    if not approvers:
        raise FlowInvalidError("Say who may decide besides.", field="escalation")
    return Escalation(_number(fields["at_percent"], "at_percent", 1, 99), approvers)


def _old_stage(value: object) -> Stage:
    fields = _fields(value, "stages", ("name", "approvers", "quorum", "deny_threshold"))
    if fields["approvers"] != APPROVER_ROLE:
        raise FlowInvalidError(
            "Approvers are named by a tenant role.", field="approvers"
        )
    return Stage(
        name=_text(fields["name"], "name", _LONGEST_NAME),
        approvers=(Approver(ApproverType.TENANT_ROLE, APPROVER_ROLE),),
        quorum=_count(fields["quorum"], "quorum"),
        deny_threshold=_count(fields["deny_threshold"], "deny_threshold"),
    )


def _fields(value: object, where: str, known: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(value, dict) or set(value) != set(known):
        raise FlowInvalidError(
            f"{where.capitalize()}: exactly the fields {', '.join(known)}.",
            field=where,
        )
    return value


def _listed(
    value: object, field: str, read: Callable[[object], _T], most: int = MAX_LISTED
) -> tuple[_T, ...]:
    if not isinstance(value, list) or len(value) > most:
        raise FlowInvalidError(f"A list of at most {most}.", field=field)
    return tuple(read(one) for one in value)


def _one_of(known: tuple[str, ...], field: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in known:
            raise FlowInvalidError(f"One of {', '.join(known)}.", field=field)
        return str(value)

    return read


def _text(
    value: object, field: str, longest: int, *, may_be_empty: bool = False
) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise FlowInvalidError(f"A text of at most {longest} characters.", field=field)
    text = value.strip()
    if not text and not may_be_empty:
        raise FlowInvalidError("This may not be empty.", field=field)
    return text


def _number(value: object, field: str, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise FlowInvalidError(f"A number from {least} to {most}.", field=field)
    return value


def _count(value: object, field: str) -> int:
    if type(value) is not int or not 1 <= value <= MAX_QUORUM:
        raise FlowInvalidError(
            f"The {field.replace('_', ' ')} is a number from 1 to {MAX_QUORUM}.",
            field=field,
            remedy="Nothing is approved by nobody; use at least 1.",
        )
    return value
