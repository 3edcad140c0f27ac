"""Flows: which requests they are for, and the stages that those pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from typing_extensions import override

from apps.approvals.choices import RequestKind
from apps.approvals.rules.patterns import matches

APPROVER_ROLE = "approver"
OPERATORS = {
    "matches": "matches",
    "equals": "is",
    "in": "is one of",
    "not_in": "is none of",
}

Facts = Mapping[str, frozenset[str]]


class ApproverType(StrEnum):
    """How a flow names people."""

    USER = "user"
    TENANT_ROLE = "tenant_role"
    ROLE = "role"
    GROUP = "group"
    RESOURCE_OWNER = "resource_owner"
    MANAGER = "manager"


# These follow from the request and name nobody themselves.
RELATIVE = frozenset({ApproverType.RESOURCE_OWNER, ApproverType.MANAGER})


@dataclass(frozen=True)
class Approver:
    """Some people: one, those with a role, those of a group, an owner, a manager."""

    type: ApproverType
    id: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the stored form."""
        return {"type": str(self.type), "id": self.id}

    @override
    def __str__(self) -> str:
        words = str(self.type).replace("_", " ")
        return f"{words} {self.id}".strip()


@dataclass(frozen=True)
class Condition:
    """What must hold of the request or of the person who votes."""

    on: str
    field: str
    op: str
    value: str | tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the stored form."""
        value = list(self.value) if isinstance(self.value, tuple) else self.value
        return {"on": self.on, "field": self.field, "op": self.op, "value": value}

    def holds(self, facts: Facts) -> bool:
        """Say whether the facts meet it. What is not known meets nothing."""
        if self.field not in facts:
            return False
        known = facts[self.field]
        match self.op:
            case "equals":
                return self.value in known
            case "in":
                return bool(known & set(self.value))
            case "not_in":
                return not known & set(self.value)
            case "matches":
                return any(matches(str(self.value), text) for text in known)
            case _:
                return False

    @override
    def __str__(self) -> str:
        value = ", ".join(self.value) if isinstance(self.value, tuple) else self.value
        whose = "its" if self.on == "request" else "the approver's"
        return f"{whose} {self.field} {OPERATORS[self.op]} {value}"


@dataclass(frozen=True)
class Escalation:
    """Who may decide besides, once part of a stage's time has passed in silence."""

    at_percent: int = 50
    approvers: tuple[Approver, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            "at_percent": self.at_percent,
            "approvers": [one.to_dict() for one in self.approvers],
        }


@dataclass(frozen=True)
class Stage:
    """One step of a flow: who decides, how many of them, by when and on what terms."""

    name: str
    approvers: tuple[Approver, ...]
    quorum: int = 1
    deny_threshold: int = 1
    deadline_minutes: int | None = None
    conditions: tuple[Condition, ...] = ()
    hours: str = ""
    escalation: Escalation | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the form that is stored and signed."""
        return {
            "name": self.name,
            "approvers": [one.to_dict() for one in self.approvers],
            "quorum": self.quorum,
            "deny_threshold": self.deny_threshold,
            "deadline_minutes": self.deadline_minutes,
            "conditions": [one.to_dict() for one in self.conditions],
            "hours": self.hours,
            "escalation": self.escalation.to_dict() if self.escalation else None,
        }

    def on(self, side: str) -> tuple[Condition, ...]:
        """Return the conditions on the request or on the reviewer."""
        return tuple(one for one in self.conditions if one.on == side)


@dataclass(frozen=True)
class Match:
    """The requests that a flow is for. Every part that is set must fit."""

    tiers: tuple[str, ...] = ()
    min_risk: int = 0
    min_blast_radius: int = 0
    roles: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            "tiers": list(self.tiers),
            "min_risk": self.min_risk,
            "min_blast_radius": self.min_blast_radius,
            "roles": list(self.roles),
        }

    def fits(self, about: About) -> bool:
        """Say whether a request is one of these."""
        return (
            (not self.tiers or about.tier in self.tiers)
            and about.risk >= self.min_risk
            and about.blast_radius >= self.min_blast_radius
            and (not self.roles or bool(about.roles & set(self.roles)))
        )


@dataclass(frozen=True)
class About:
    """What the choice of a flow looks at."""

    kind: RequestKind
    tier: str = ""
    risk: int = 0
    blast_radius: int = 0
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Flow:
    """The ordered stages that a request passes."""

    stages: tuple[Stage, ...]
    name: str = "Default"

    def to_dict(self) -> dict[str, Any]:
        """Return the form that is stored and signed."""
        stages = [stage.to_dict() for stage in self.stages]
        return {"v": 2, "name": self.name, "stages": stages}


@dataclass(frozen=True)
class FlowSpec:
    """A flow as somebody wants it to be kept."""

    name: str
    kind: RequestKind
    stages: tuple[Stage, ...]
    match: Match = Match()
    order: int = 100
    is_active: bool = True

    @property
    def flow(self) -> Flow:
        """Return the stages under their name."""
        return Flow(self.stages, self.name)

    def to_dict(self) -> dict[str, Any]:
        """Return the form that people edit as JSON."""
        return {
            "v": 2,
            "name": self.name,
            "kind": str(self.kind),
            "order": self.order,
            "is_active": self.is_active,
            "match": self.match.to_dict(),
            "stages": [stage.to_dict() for stage in self.stages],
        }


DEFAULT_FLOW = Flow(
    (Stage("Review", (Approver(ApproverType.TENANT_ROLE, APPROVER_ROLE),)),)
)


def choose(flows: Iterable[FlowSpec], about: About) -> Flow:
    """Return the first active flow that is for such a request, or the default."""
    fitting = (
        one
        for one in sorted(flows, key=lambda one: (one.order, one.name))
        if one.is_active and one.kind == about.kind and one.match.fits(about)
    )
    found = next(fitting, None)
    return found.flow if found else DEFAULT_FLOW
