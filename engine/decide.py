"""Decide whether a principal may do something to a resource, now and from there.

Forbid wins, default is deny, and any error in a statement that applies denies. The time
is an argument; the same records and question give the same answer everywhere.
"""

from __future__ import annotations

import copy
import datetime as dt
import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from engine import cedar
from engine.calendar import Transitions, zone_fields
from engine.cedar import ACTION_TYPE, ROLE_TYPE
from engine.entities import Entities, named_actions, role_entities
from engine.errors import EngineError
from engine.index import HalfIndex, StatementIndex, request_keys
from engine.obligations import Duty, judge
from engine.question import Request, known_context
from engine.roles import Grant
from engine.validity import Validity
from protocol.errors import HeadMismatchError
from protocol.records import (
    EntityRef,
    PolicyRecord,
    Record,
    Statement,
)

__all__ = ["Decision", "Placed", "PolicyEngine", "Request", "known_context"]

PERMITTED = "permitted"
FORBIDDEN = "forbidden"
NO_MATCH = "no_matching_policy"
EVALUATION_ERROR = "evaluation_error"
STALE = "stale"
SEPARATED = "separation_of_duties"
EVALUATION_FAILED = "engine.evaluation_failed"
_CACHED_SETS = 4096


@dataclass(frozen=True)
class Decision:
    """An answer and why. `determining` names the policies that decided.

    `grants` names the assignments that put the principal into a role which those
    policies ask for: what the answer rests on, and what a revocation would change.
    `obligations` are what has to be done besides, or would have to be done first.
    `errors` holds stable codes. `details` says what happened in Cedar's words, which
    quote policies: for whoever runs the node, never for whoever asked.
    """

    allowed: bool
    reason: str
    determining: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    candidates: int = 0
    details: tuple[str, ...] = ()
    obligations: tuple[Duty, ...] = ()


@dataclass(frozen=True)
class Placed:
    """A question, the places its resource lies in, and the roles that count there.

    `grants` lead to the roles. `separations` names what keeps some of them from use.
    """

    request: Request
    places: frozenset[EntityRef]
    roles: tuple[EntityRef, ...]
    grants: tuple[Grant, ...] = ()
    separations: tuple[str, ...] = ()


class PolicyEngine:
    """The records of a release, ready to decide. Immutable but for its cache."""

    def __init__(
        self,
        policies: Sequence[PolicyRecord],
        entities: Entities,
        zones: Mapping[str, Transitions],
        actions: Iterable[str] = (),
    ) -> None:
        pairs = [(policy, text) for policy in policies for text in policy.statements]
        self._statements: list[Statement] = [statement for _, statement in pairs]
        self._owners = [policy for policy, _ in pairs]
        self._validity = Validity(self._owners)
        self._index = StatementIndex(self._statements)
        self._entities = entities
        self._zones = dict(zones)
        self._actions = frozenset(actions)
        self._parsed: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    @classmethod
    def from_records(
        cls, records: Iterable[Record], zones: Mapping[str, Transitions]
    ) -> PolicyEngine:
        """Build an engine; the order of the records does not matter."""
        found = sorted(records, key=lambda record: record.key)
        policies = [record for record in found if isinstance(record, PolicyRecord)]
        return cls(policies, Entities(found), zones, named_actions(found))

    def carried_on(
        self, records: Iterable[Record], zones: Mapping[str, Transitions]
    ) -> PolicyEngine:
        """Return the engine of a newer release whose policies are the same.

        Who is who and holds what is built anew; what was made of policies is shared.
        """
        found = copy.copy(self)
        ordered = sorted(records, key=lambda record: record.key)
        vars(found).update(_entities=Entities(ordered), _zones=dict(zones))
        return found

    def ruled_by(
        self, records: Iterable[Record], zones: Mapping[str, Transitions]
    ) -> PolicyEngine:
        """Return the engine of records that differ in policies, windows and tests only.

        What was made of principals, roles and resources is shared.
        """
        found = sorted(records, key=lambda record: record.key)
        policies = [record for record in found if isinstance(record, PolicyRecord)]
        return PolicyEngine(policies, self._entities, zones, named_actions(found))

    @property
    def policy_count(self) -> int:
        """Return how many statements are loaded."""
        return len(self._statements)

    @property
    def statements(self) -> Sequence[Statement]:
        """Return all statements; their places in the list are their numbers."""
        return self._statements

    @property
    def entities(self) -> Entities:
        """Return the principals, roles and resources."""
        return self._entities

    @property
    def zones(self) -> Mapping[str, Transitions]:
        """Return the transitions of the zones that windows use."""
        return self._zones

    @property
    def actions(self) -> frozenset[str]:
        """Return all actions that the schema, a role or a statement names."""
        return self._actions

    @cached_property
    def halves(self) -> HalfIndex:
        """Return the statements by only one of principal and resource."""
        return HalfIndex(self._statements)

    def policy_of(self, number: int) -> PolicyRecord:
        """Return the policy that a statement belongs to."""
        return self._owners[number]

    def counts(self, number: int, now: dt.datetime) -> bool:
        """Say whether a statement is of the version that counts at an instant."""
        return self._validity.counts(number, now)

    def decide(
        self,
        request: Request,
        *,
        age_seconds: float | None = None,
        max_age: Mapping[str, int] | None = None,
    ) -> Decision:
        """Answer a question.

        When the release has not been confirmed for `age_seconds`, permits of tiers
        whose `max_age` is exceeded no longer count; forbids always do.

        Raises ContextError for a context of the wrong types.
        """
        if request.principal.type == ROLE_TYPE:
            # In Cedar a role is in itself, so whoever claims to be one would hold it
            # without an assignment.
            return Decision(allowed=False, reason=NO_MATCH)
        placed = self.place(request)
        decision = self._answer(placed, age_seconds, max_age)
        if not decision.allowed or not placed.separations:
            return decision
        # Less roles could also mean that a forbid matches no longer: so both the whole
        # and the rest must be allowed.
        usable = self._answer(self.usable(placed), age_seconds, max_age)
        if usable.allowed:
            return usable
        return Decision(
            allowed=False,
            reason=SEPARATED,
            candidates=decision.candidates,
            details=placed.separations,
        )

    def _answer(
        self,
        placed: Placed,
        age_seconds: float | None,
        max_age: Mapping[str, int] | None,
    ) -> Decision:
        candidates = self.candidates(placed)
        fresh = self._without_stale(candidates, age_seconds, max_age)
        known_context(placed.request.context)
        if not fresh:
            return Decision(allowed=False, reason=STALE if candidates else NO_MATCH)
        try:
            evaluation = self.evaluate(placed, self._policies(fresh))
        except (EngineError, HeadMismatchError) as error:
            return Decision(
                allowed=False,
                reason=EVALUATION_ERROR,
                errors=(error.code,),
                candidates=len(fresh),
                details=(error.message,),
            )
        # Versions of a policy share the ids of statements, but only one of them counts.
        named = {self._statements[number].id: number for number in fresh}
        reasons = [named[reason] for reason in evaluation.reasons]
        has_stale = fresh != candidates
        decision = self._conclude(evaluation, reasons, fresh, has_stale=has_stale)
        roles = self._roles_named_by(reasons)
        grants = self._entities.holdings.leading_to(roles, placed.grants)
        return self._obliged(replace(decision, grants=grants), reasons, placed.request)

    def _obliged(
        self, decision: Decision, reasons: Sequence[int], request: Request
    ) -> Decision:
        """Add what the policies that decided ask for, which may turn it down."""
        policies = {self._owners[number].id: self._owners[number] for number in reasons}
        judged = judge(
            policies.values(),
            request.principal,
            request.context,
            is_permit=decision.allowed,
        )
        if judged.reason:
            decision = replace(decision, allowed=False, reason=judged.reason)
        return replace(decision, obligations=judged.duties)

    def _roles_named_by(self, statements: Sequence[int]) -> frozenset[str]:
        """Return the roles that the heads of these statements ask for."""
        heads = [self._statements[number].principal for number in statements]
        return frozenset(
            head.in_id or head.id
            for head in heads
            if ROLE_TYPE in {head.in_type, head.type} and head.op != "is"
        )

    def place(self, request: Request) -> Placed:
        """Return a question with what the release says of its principal and place."""
        places = self._entities.above_resource(request.resource)
        holdings = self._entities.holdings
        asked = (request.principal, request.now, places)
        grants = tuple(holdings.counting(*asked))
        return Placed(
            request,
            places,
            role_entities(holdings.above(grants)),
            grants,
            holdings.usable(*asked).separations,
        )

    def usable(self, placed: Placed) -> Placed:
        """Return a question with only the roles that no separation keeps from use."""
        request, holdings = placed.request, self._entities.holdings
        found = holdings.usable(request.principal, request.now, placed.places)
        roles = role_entities(holdings.above(found.grants))
        return replace(placed, roles=roles, grants=found.grants)

    def candidates(self, placed: Placed) -> tuple[int, ...]:
        """Return the numbers of the statements that count and match a question."""
        request = placed.request
        found = self._index.candidates(
            request_keys(request.principal, placed.roles),
            request.action,
            request_keys(request.resource, placed.places - {request.resource}),
        )
        return self._validity.counting(found, request.now)

    def evaluate(
        self,
        placed: Placed,
        policies: Any,  # noqa: ANN401  # the handle of cedar.parse_policies
    ) -> cedar.Evaluation:
        """Ask Cedar a question about any policies, as a decision would.

        Raises ContextError and QuestionUnreadableError.
        """
        request = placed.request
        return cedar.evaluate(
            {
                "principal": request.principal.to_dict(),
                "action": {"type": ACTION_TYPE, "id": request.action},
                "resource": request.resource.to_dict(),
                "context": self._context(request),
            },
            policies,
            self._entities.slice(request, placed.roles),
        )

    def would_permit(self, placed: Placed) -> bool:
        """Say whether a question were permitted if its roles were the principal's."""
        numbers = self.candidates(placed)
        if not numbers:
            return False
        try:
            found = self.evaluate(placed, self._policies(numbers))
        except (EngineError, HeadMismatchError):
            return False
        return found.allowed and not found.errors

    def _conclude(
        self,
        found: cedar.Evaluation,
        reasons: Sequence[int],
        fresh: tuple[int, ...],
        *,
        has_stale: bool,
    ) -> Decision:
        determining = tuple(sorted({self._owners[number].slug for number in reasons}))
        if found.reasons and not found.allowed:
            reason = FORBIDDEN
        elif found.errors:
            reason = EVALUATION_ERROR
        elif found.allowed:
            reason = PERMITTED
        else:
            reason = STALE if has_stale else NO_MATCH
        return Decision(
            allowed=reason == PERMITTED,
            reason=reason,
            determining=determining,
            errors=(EVALUATION_FAILED,) if found.errors else (),
            candidates=len(fresh),
            details=found.errors,
        )

    def _without_stale(
        self,
        candidates: tuple[int, ...],
        age_seconds: float | None,
        max_age: Mapping[str, int] | None,
    ) -> tuple[int, ...]:
        if age_seconds is None or max_age is None:
            return candidates
        kept = []
        for number in candidates:
            policy = self._owners[number]
            # A tier without a budget has none left.
            if policy.effect == "forbid" or age_seconds <= max_age.get(policy.tier, -1):
                kept.append(number)
        return tuple(kept)

    def _policies(self, numbers: tuple[int, ...]) -> Any:  # noqa: ANN401  # opaque
        parsed = self._parsed.get(numbers)
        if parsed is None:
            statements = [self._statements[number] for number in numbers]
            text = "\n".join(statement.cedar for statement in statements)
            self._check_statements(text, numbers)
            parsed = self._parsed[numbers] = cedar.parse_policies(text)
            if len(self._parsed) > _CACHED_SETS:
                self._parsed.popitem(last=False)
        else:
            # Another thread may have dropped it by now.
            with suppress(KeyError):
                self._parsed.move_to_end(numbers)
        return parsed

    def _check_statements(self, text: str, numbers: Sequence[int]) -> None:
        """Refuse texts that say something else than the index believes."""
        real = cedar.parse_statements(text)
        for number in numbers:
            statement = self._statements[number]
            heads = (statement.principal, statement.action, statement.resource)
            believed = (self._owners[number].effect, heads)
            if real.pop(statement.id, None) != believed:
                raise HeadMismatchError(
                    f"statement {statement.id}: its text and its record disagree"
                )
        if real:
            raise HeadMismatchError(f"{min(real)} hides in another statement's text")

    def _context(self, request: Request) -> str:
        now = request.now.astimezone(dt.UTC).replace(tzinfo=None)
        stamp = now.isoformat(timespec="milliseconds") + "Z"
        context: dict[str, Any] = {
            "now": {"__extn": {"fn": "datetime", "arg": stamp}},
            "t": {z: zone_fields(ts, request.now) for z, ts in self._zones.items()},
        }
        context |= known_context(request.context)
        if request.node_groups is not None:
            context["node_groups"] = sorted(request.node_groups)
        return json.dumps(context)
