"""An explanation as a template draws it: steps in order, with signs and links."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse

from apps.dashboard.selectors import Rows
from engine.explain import (
    Explanation,
    Finding,
    FindingKind,
    GrantStep,
    SeparationStep,
    Step,
)
from protocol.records import AssignmentRecord, EntityRef

_REASONS = {
    "permitted": "A policy permits it, and none forbids it.",
    "forbidden": "A policy forbids it. A forbid counts more than any permit.",
    "no_matching_policy": "No policy permits it. What is not permitted is denied.",
    "separation_of_duties": "Policies permit it, but only by roles that are kept apart "
    "and may not be used together.",
    "stale": "What is known is too old for a policy of this tier.",
    "evaluation_error": "A policy could not be evaluated, and doubt denies.",
    "step_up_required": "A policy permits it to whoever proves more who they are.",
    "device_not_trusted": "A policy permits it from a trusted device only.",
    "risk_too_high": "A policy permits it at a lower risk only.",
    "obligation_unsupported": "A policy permits it if something is done besides, and "
    "whoever asks did not say that they can do that.",
}
_KINDS = {
    FindingKind.OBLIGATION: "Proof",
    FindingKind.ATTRIBUTE: "Condition",
    FindingKind.WINDOW: "Time",
    FindingKind.LOCATION: "Place",
    FindingKind.INTERVAL: "In force",
    FindingKind.OTHER: "Condition",
    FindingKind.PRINCIPAL: "For whom",
    FindingKind.RESOURCE: "About what",
    FindingKind.SEPARATION: "Kept apart",
}


@dataclass(frozen=True)
class Box:
    """One box of the picture. `tone` is ok, bad, warn or muted."""

    label: str
    text: str
    note: str = ""
    url: str = ""
    tone: str = "muted"
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Path:
    """One way: what was assigned, the policy, and how its conditions fared."""

    title: str
    boxes: tuple[Box, ...]
    findings: tuple[Box, ...]
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """The verdict and the ways."""

    allowed: bool
    reason: str
    nearest: str
    permits: tuple[Path, ...]
    forbids: tuple[Path, ...]
    failed: tuple[Path, ...]
    near: tuple[Path, ...]
    apart: tuple[Path, ...] = ()


def picture(explanation: Explanation, rows: Rows | None, name: str = "") -> Picture:
    """Return what is drawn; without rows nothing is linked.

    `name` is that of the principal, where rows do not say it.
    """
    decision = explanation.decision
    draw = _Drawing(explanation, rows, name)
    nearest = explanation.nearest
    return Picture(
        decision.allowed,
        _REASONS.get(decision.reason, decision.reason),
        nearest.words if nearest else "",
        tuple(draw.path(step) for step in explanation.permits),
        tuple(draw.path(step) for step in explanation.forbids),
        tuple(draw.path(step) for step in explanation.failed),
        tuple(draw.path(step, is_near=True) for step in explanation.near),
        tuple(draw.apart(step) for step in explanation.separations),
    )


class _Drawing:
    def __init__(self, explanation: Explanation, rows: Rows | None, name: str) -> None:
        self._principal = explanation.request.principal
        self._rows = rows
        self._name = name

    def path(self, step: Step, *, is_near: bool = False) -> Path:
        """Return one way, from the principal to the policy."""
        policy = step.policy
        boxes = [
            box
            for grant in step.grants[:1]
            for box in (*self._grant(grant), *self._chain(grant))
        ]
        boxes = [self._who(), *boxes]
        boxes.append(
            Box(
                "Policy",
                policy.name,
                f"{policy.id}, version {policy.version}, {policy.effect}",
                self._url("policies", "policies_policy", policy.id),
                "bad" if policy.effect == "forbid" else "ok",
            )
        )
        more = len(step.grants) - 1
        note = f"{more} more assignments lead to the same role." if more > 1 else ""
        if more == 1:
            note = "One more assignment leads to the same role."
        first = step.missing[:1]
        if is_near:
            note = first[0].words
        found = sorted(step.findings, key=lambda one: bool(one.held))
        return Path(
            policy.name,
            tuple(boxes),
            tuple(self._finding(one) for one in (found if is_near else step.findings)),
            note,
        )

    def apart(self, step: SeparationStep) -> Path:
        """Return a set that is broken, with what gave its roles."""
        boxes = [self._who(), *(self._assigned(grant) for grant in step.grants)]
        return Path(step.separation, tuple(boxes), (self._finding(step.finding),))

    def _who(self) -> Box:
        who = self._principal
        url = self._entity("principals", "roles_principal", who)
        name = self._name_of(who)
        return Box(who.type, name, who.id if name != who.id else "", url)

    def _name_of(self, who: EntityRef) -> str:
        if who == self._principal and self._name:
            return self._name
        return who.id if self._rows is None else self._rows.names.get(who, who.id)

    def _grant(self, grant: GrantStep) -> Iterator[Box]:
        """Return how a role came to the principal, the lender first."""
        for lender in grant.lender[:1]:
            yield from self._grant(lender)
            yield from self._chain(lender)
        yield self._assigned(grant.assignment)

    def _assigned(self, record: AssignmentRecord) -> Box:
        parts = [record.source.replace("_", " ")]
        if record.delegator:
            parts.append(f"lent by {self._name_of(record.delegator)}")
        parts.append(f"for {record.scope.id}" if record.scope else "everywhere")
        parts.append(f"until {record.end}" if record.end else "without end")
        url = ""
        if self._rows is not None and record.id in self._rows.assignments:
            url = reverse("admin:roles_assignment_change", args=[record.id])
        label = "Assignment"
        if record.principal != self._principal:
            label = f"Assignment of {self._name_of(record.principal)}"
        return Box(label, record.role, ", ".join(parts), url, "ok")

    def _chain(self, grant: GrantStep) -> Iterator[Box]:
        for name in grant.chain[1:]:
            url = self._url("roles", "roles_role", name)
            yield Box("Inherited role", name, url=url, tone="ok")

    def _finding(self, one: Finding) -> Box:
        tone = {True: "ok", False: "bad", None: "warn"}[one.held]
        url = ""
        for name in one.names[:1]:
            match one.kind:
                case FindingKind.WINDOW:
                    url = self._url("windows", "scopes_timewindow", name)
                case FindingKind.LOCATION:
                    url = self._url("locations", "scopes_location", name)
                case FindingKind.PRINCIPAL:
                    url = self._url("roles", "roles_role", name)
                case FindingKind.SEPARATION:
                    url = self._url("separations", "roles_separationset", name)
        return Box(_KINDS[one.kind], one.wanted, one.found, url, tone, one.details)

    def _url(self, kind: str, model: str, name: str) -> str:
        if self._rows is None:
            return ""
        pk = getattr(self._rows, kind).get(name)
        return reverse(f"admin:{model}_change", args=[pk]) if pk else ""

    def _entity(self, kind: str, model: str, ref: EntityRef) -> str:
        if self._rows is None:
            return ""
        pk = getattr(self._rows, kind).get(ref)
        return reverse(f"admin:{model}_change", args=[pk]) if pk else ""
