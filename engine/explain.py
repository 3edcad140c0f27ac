"""Why a decision is what it is: the way to it, or what was missing.

The verdict is that of `PolicyEngine.decide`. The way is found with the same records and
index, and whether a condition holds is asked of Cedar for each condition by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from engine import cedar
from engine.apart import SeparationStep, separation_steps
from engine.cedar import ROLE_TYPE
from engine.conditions import Condition, Scopes
from engine.decide import SEPARATED, Decision, Placed, PolicyEngine, Request
from engine.errors import EngineError
from engine.findings import (
    Circumstances,
    Finding,
    FindingKind,
    finding,
    interval_finding,
    obligation_finding,
)
from engine.heads import GrantStep, Holder, resource_finding
from engine.index import request_keys
from engine.obligations import UNMET, met
from engine.question import known_context, whereabouts
from engine.readings import Reading, read_statement
from protocol.records import (
    CHECKS,
    AssignmentRecord,
    LocationRecord,
    Obligation,
    PolicyRecord,
    Record,
    SeparationRecord,
    Statement,
    WindowRecord,
)

__all__ = [
    "Explainer",
    "Explanation",
    "Finding",
    "FindingKind",
    "GrantStep",
    "SeparationStep",
    "Step",
]

MOST_EXAMINED = 100
MOST_NEAR = 20


@dataclass(frozen=True)
class Step:
    """A statement that a question came to, and how it fared there."""

    policy: PolicyRecord
    statement: Statement
    grants: tuple[GrantStep, ...]
    findings: tuple[Finding, ...]

    @property
    def role(self) -> str:
        """Return the role that the statement is for, if it is for one."""
        head = self.statement.principal
        return head.id if head.op == "in" else ""

    @property
    def missing(self) -> tuple[Finding, ...]:
        """Return what did not hold, the soonest to mend first."""
        found = [finding for finding in self.findings if not finding.held]
        return tuple(sorted(found, key=lambda finding: finding.rank))


@dataclass(frozen=True)
class Explanation:
    """The verdict and the way to it.

    `permits` and `forbids` are what applied. `near` are permits that did not, those
    with the least missing first; `roles` are those with which it would be permitted.
    `separations` are the sets of which the principal has too many roles.
    """

    request: Request
    decision: Decision
    permits: tuple[Step, ...] = ()
    forbids: tuple[Step, ...] = ()
    failed: tuple[Step, ...] = ()
    near: tuple[Step, ...] = ()
    roles: tuple[str, ...] = ()
    separations: tuple[SeparationStep, ...] = ()

    @property
    def nearest(self) -> Finding | None:
        """Return what is missing first, if a permit is near and nothing forbids."""
        if self.decision.reason == SEPARATED:
            broken = [s.finding for s in self.separations if not s.finding.held]
            return broken[0] if broken else None
        if self.decision.allowed or self.forbids or not self.near:
            return None
        # What one policy asks to be proven can be all that another is denied for.
        missing = [found for step in self.near for found in step.missing]
        asked = (one for one in missing if one.kind is FindingKind.OBLIGATION)
        if self.decision.reason in UNMET:
            return next(asked, missing[0])
        return missing[0]


@dataclass(frozen=True)
class _Fit:
    """How far a statement fits a question, before it is put in words."""

    number: int
    is_principal: bool
    is_resource: bool
    held: tuple[bool | None, ...]
    is_in_force: bool = True
    proven: tuple[bool, ...] = ()

    @property
    def failed(self) -> bool:
        """Say whether Cedar came to a condition that went wrong.

        It does not look at what comes after one that does not hold.
        """
        return next((held for held in self.held if not held), False) is None

    @property
    def missing(self) -> int:
        """Return how much does not fit."""
        return (
            (not self.is_principal)
            + (not self.is_resource)
            + (not self.is_in_force)
            + sum(not held for held in (*self.held, *self.proven))
        )


@dataclass(frozen=True)
class _Asked:
    """A question with what was found out about it: policies are often alike."""

    placed: Placed
    known: Circumstances
    held: dict[tuple[str, ...], tuple[bool | None, ...]] = field(default_factory=dict)
    told: dict[tuple[object, ...], Finding] = field(default_factory=dict)

    def tell(self, condition: Condition, *, held: bool | None) -> Finding:
        """Put a condition in words."""
        places = (*condition.windows, *condition.locations)
        key = (condition.cedar, *(place.key for place in places), held)
        if key not in self.told:
            self.told[key] = finding(condition, self.known, held=held)
        return self.told[key]


class Explainer:
    """Explains what an engine decides, from the records that it was made of."""

    def __init__(self, engine: PolicyEngine, records: Iterable[Record]) -> None:
        found = list(records)
        self._engine = engine
        self._scopes = Scopes(
            [record for record in found if isinstance(record, WindowRecord)],
            [record for record in found if isinstance(record, LocationRecord)],
        )
        self._assignments = {
            record.id: record
            for record in found
            if isinstance(record, AssignmentRecord)
        }
        self._apart = {
            record.id: record.name
            for record in found
            if isinstance(record, SeparationRecord)
        }
        self._readings: dict[int, Reading] = {}

    def explain(self, request: Request) -> Explanation:
        """Return why a question is answered as it is. Raises ContextError."""
        decision = self._engine.decide(request)
        if request.principal.type == ROLE_TYPE:
            return Explanation(request, decision)
        placed = self._engine.place(request)
        try:
            return self._explain(placed, decision)
        except EngineError:
            # Cedar cannot read the question, which the decision says already.
            return Explanation(request, decision)

    def _explain(self, placed: Placed, decision: Decision) -> Explanation:
        if decision.allowed and placed.separations:
            # It is allowed by the roles that no separation keeps from use.
            placed = self._engine.usable(placed)
        asked = _Asked(placed, self._circumstances(placed.request))
        candidates = self._engine.candidates(placed)
        fits = [self._fit(number, asked) for number in candidates]
        applied = self._steps([fit for fit in fits if not fit.missing], asked)
        near = [] if decision.allowed else self._near(asked, fits)
        return Explanation(
            placed.request,
            decision,
            permits=tuple(s for s in applied if s.policy.effect == "permit"),
            forbids=tuple(s for s in applied if s.policy.effect == "forbid"),
            failed=tuple(self._steps([fit for fit in fits if fit.failed], asked)),
            near=tuple(self._steps(near[:MOST_NEAR], asked)),
            roles=self._roles(near),
            separations=tuple(
                separation_steps(
                    self._engine.entities.holdings,
                    self._apart,
                    self._assignments,
                    placed,
                )
            ),
        )

    def _near(self, asked: _Asked, fits: Sequence[_Fit]) -> list[_Fit]:
        """Return the permits that do not apply, those with the least missing first."""
        placed = asked.placed
        request = placed.request
        who = request_keys(request.principal, placed.roles)
        what = request_keys(request.resource, placed.places - {request.resource})
        half = self._engine.halves
        numbers = half.of_resource(what, request.action)
        others = half.of_principal(who, request.action)
        known = {fit.number for fit in fits}
        found = [fit for fit in fits if fit.missing and self._is_permit(fit.number)]
        examined = 0
        for number in (*sorted(numbers - known), *sorted(others - numbers - known)):
            if not self._is_permit(number) or not self._is_near(number, placed):
                continue
            fit = self._fit(number, asked, number in others, number in numbers)
            found.append(fit)
            examined += 1
            if examined == MOST_EXAMINED:
                break
        return sorted(found, key=lambda fit: (fit.missing, self._rank(fit)))

    def _is_permit(self, number: int) -> bool:
        return self._engine.policy_of(number).effect == "permit"

    def _is_near(self, number: int, placed: Placed) -> bool:
        """Say whether a role or a group could mend what does not fit in the head."""
        statement = self._engine.statements[number]
        head, place = statement.principal, statement.resource
        who, what = placed.request.principal.type, placed.request.resource.type
        if head.op in {"==", "is"} and (head.type, head.id or who) != (
            (placed.request.principal.type, placed.request.principal.id)
            if head.op == "=="
            else (who, who)
        ):
            return False
        if place.op == "==":
            return (place.type, place.id) == (what, placed.request.resource.id)
        return place.op not in {"is", "is_in"} or place.type == what

    def _rank(self, fit: _Fit) -> tuple[int, int, str]:
        reading = self._reading(fit.number)
        ranks = [
            FindingKind(condition.kind.value)
            for condition, held in zip(reading.conditions, fit.held, strict=True)
            if not held
        ]
        if not fit.is_in_force:
            ranks.append(FindingKind.INTERVAL)
        order = list(FindingKind)
        worst = max((order.index(kind) for kind in ranks), default=0)
        heads = (not fit.is_principal) + 2 * (not fit.is_resource)
        return heads, worst, self._engine.statements[fit.number].id

    def _roles(self, near: Sequence[_Fit]) -> tuple[str, ...]:
        found = {
            self._engine.statements[fit.number].principal.id
            for fit in near
            if fit.missing == 1 and not fit.is_principal
        }
        return tuple(sorted(found))

    def _fit(
        self,
        number: int,
        asked: _Asked,
        is_principal: bool = True,  # noqa: FBT001, FBT002  # two of a kind
        is_resource: bool = True,  # noqa: FBT001, FBT002
    ) -> _Fit:
        request = asked.placed.request
        return _Fit(
            number,
            is_principal,
            is_resource,
            self._held(self._reading(number), asked),
            self._engine.counts(number, request.now),
            tuple(met(one, request.context) for one in self._checks(number)),
        )

    def _checks(self, number: int) -> tuple[Obligation, ...]:
        """Return what a permit asks to be proven."""
        policy = self._engine.policy_of(number)
        if policy.effect != "permit":
            return ()
        return tuple(one for one in policy.obligations if one.type in CHECKS)

    def _held(self, reading: Reading, asked: _Asked) -> tuple[bool | None, ...]:
        if reading.texts not in asked.held:
            asked.held[reading.texts] = self._evaluated(reading, asked.placed)
        return asked.held[reading.texts]

    def _evaluated(self, reading: Reading, placed: Placed) -> tuple[bool | None, ...]:
        if not reading.conditions:
            return ()
        found = self._engine.evaluate(placed, reading.handle)
        if not found.errors:
            names = set(found.reasons)
            return tuple(str(n) in names for n in range(len(reading.conditions)))
        alone = [
            self._engine.evaluate(placed, cedar.parse_policies(text))
            for text in reading.texts
        ]
        return tuple(None if one.errors else one.allowed for one in alone)

    def _reading(self, number: int) -> Reading:
        known = self._readings.get(number)
        if known is None:
            statement = self._engine.statements[number]
            known = self._readings[number] = read_statement(statement, self._scopes)
        return known

    def _steps(self, fits: Sequence[_Fit], asked: _Asked) -> list[Step]:
        holder = Holder(self._engine, self._assignments, asked.placed)
        return [self._step(fit, asked, holder) for fit in fits]

    def _step(self, fit: _Fit, asked: _Asked, holder: Holder) -> Step:
        statement = self._engine.statements[fit.number]
        head = statement.principal
        policy = self._engine.policy_of(fit.number)
        conditions = self._reading(fit.number).conditions
        return Step(
            policy=policy,
            statement=statement,
            grants=holder.grants(head.id) if head.op == "in" else (),
            findings=(
                holder.finding(head, held=fit.is_principal),
                resource_finding(
                    statement.resource,
                    asked.placed,
                    self._engine.entities,
                    held=fit.is_resource,
                ),
                *(
                    asked.tell(condition, held=held)
                    for condition, held in zip(conditions, fit.held, strict=True)
                ),
                *self._others(fit.number, asked.placed.request),
            ),
        )

    def _others(self, number: int, request: Request) -> Iterator[Finding]:
        """Yield whether the version counts, and whether what it asks for is proven."""
        policy = self._engine.policy_of(number)
        if policy.effective_from or policy.effective_until:
            yield interval_finding(policy.interval, request.now)
        for check in self._checks(number):
            yield obligation_finding(check, request.context)

    def _circumstances(self, request: Request) -> Circumstances:
        entities = self._engine.entities
        context = known_context(request.context)
        return Circumstances(
            request.now,
            context,
            {
                "principal": entities.attributes(
                    request.principal, request.principal_attributes
                ),
                "resource": entities.attributes(
                    request.resource, request.resource_attributes
                ),
            },
            self._engine.zones,
            whereabouts(context, request.node_groups),
        )
