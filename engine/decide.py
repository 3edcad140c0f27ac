"""Decide whether a principal may do something to a resource, now and from there.

Forbid wins, default is deny, and any error in a statement that applies denies. The time
is an argument; the same records and question give the same answer everywhere.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine import cedar
from engine.calendar import Transitions, zone_fields
from engine.cedar import (
    ACTION_TYPE,
    CONTEXT_ATTRIBUTES,
    CONTEXT_RANGES,
    LONG_RANGE,
    ROLE_TYPE,
    AttributeType,
)
from engine.errors import ContextError, EngineError
from engine.index import StatementIndex, request_keys
from engine.places import normalize_ip
from engine.roles import Holdings, parents_of
from protocol.errors import HeadMismatchError
from protocol.records import (
    AssignmentRecord,
    EntityRef,
    PolicyRecord,
    PrincipalRecord,
    Record,
    ResourceRecord,
    RoleRecord,
    Statement,
)

PERMITTED = "permitted"
FORBIDDEN = "forbidden"
NO_MATCH = "no_matching_policy"
EVALUATION_ERROR = "evaluation_error"
STALE = "stale"
EVALUATION_FAILED = "engine.evaluation_failed"
_CACHED_SETS = 4096
_CONTEXT_TYPES: Mapping[AttributeType, type] = {
    AttributeType.LONG: int,
    AttributeType.STRING: str,
    AttributeType.BOOL: bool,
}


@dataclass(frozen=True)
class Request:
    """A question. `now` is aware; the context holds what is known of the request.

    Attributes in the request only fill gaps: what the release says of a principal or
    resource cannot be overridden by whoever asks.
    """

    principal: EntityRef
    action: str
    resource: EntityRef
    now: dt.datetime
    context: Mapping[str, Any] = field(default_factory=dict)
    principal_attributes: Mapping[str, Any] = field(default_factory=dict)
    resource_attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """An answer and why. `determining` names the policies that decided.

    `errors` holds stable codes. `details` says what happened in Cedar's words, which
    quote policies: for whoever runs the node, never for whoever asked.
    """

    allowed: bool
    reason: str
    determining: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    candidates: int = 0
    details: tuple[str, ...] = ()


class PolicyEngine:
    """The records of a release, ready to decide. Immutable but for its cache."""

    def __init__(
        self,
        policies: Sequence[PolicyRecord],
        entities: _Entities,
        zones: Mapping[str, Transitions],
    ) -> None:
        pairs = [(policy, text) for policy in policies for text in policy.statements]
        self._statements: list[Statement] = [statement for _, statement in pairs]
        self._owners = {statement.id: policy for policy, statement in pairs}
        self._index = StatementIndex(self._statements)
        self._entities = entities
        self._zones = dict(zones)
        self._parsed: OrderedDict[tuple[int, ...], Any] = OrderedDict()

    @classmethod
    def from_records(
        cls, records: Iterable[Record], zones: Mapping[str, Transitions]
    ) -> PolicyEngine:
        """Build an engine; the order of the records does not matter."""
        found = sorted(records, key=lambda record: record.key)
        policies = [record for record in found if isinstance(record, PolicyRecord)]
        return cls(policies, _Entities(found), zones)

    @property
    def policy_count(self) -> int:
        """Return how many statements are loaded."""
        return len(self._statements)

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
        above = self._entities.above_resource(request.resource)
        roles = self._entities.roles_of(request.principal, request.now, above)
        candidates = self._index.candidates(
            request_keys(request.principal, roles),
            request.action,
            request_keys(request.resource, above - {request.resource}),
        )
        fresh = self._without_stale(candidates, age_seconds, max_age)
        context = self._context(request)
        if not fresh:
            return Decision(allowed=False, reason=STALE if candidates else NO_MATCH)
        try:
            evaluation = cedar.evaluate(
                {
                    "principal": request.principal.to_dict(),
                    "action": {"type": ACTION_TYPE, "id": request.action},
                    "resource": request.resource.to_dict(),
                    "context": context,
                },
                self._policies(fresh),
                self._entities.slice(request, roles),
            )
        except (EngineError, HeadMismatchError) as error:
            return Decision(
                allowed=False,
                reason=EVALUATION_ERROR,
                errors=(error.code,),
                candidates=len(fresh),
                details=(error.message,),
            )
        return self._conclude(evaluation, fresh, has_stale=fresh != candidates)

    def _conclude(
        self, found: cedar.Evaluation, fresh: tuple[int, ...], *, has_stale: bool
    ) -> Decision:
        owners = {self._owners[reason].id for reason in found.reasons}
        determining = tuple(sorted(owners))
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
            policy = self._owners[self._statements[number].id]
            # A tier without a budget has none left.
            if policy.effect == "forbid" or age_seconds <= max_age.get(policy.tier, -1):
                kept.append(number)
        return tuple(kept)

    def _policies(self, numbers: tuple[int, ...]) -> Any:  # noqa: ANN401  # opaque
        parsed = self._parsed.get(numbers)
        if parsed is None:
            statements = [self._statements[number] for number in numbers]
            text = "\n".join(statement.cedar for statement in statements)
            self._check_statements(text, statements)
            parsed = self._parsed[numbers] = cedar.parse_policies(text)
            if len(self._parsed) > _CACHED_SETS:
                self._parsed.popitem(last=False)
        else:
            self._parsed.move_to_end(numbers)
        return parsed

    def _check_statements(self, text: str, statements: Sequence[Statement]) -> None:
        """Refuse texts that say something else than the index believes."""
        real = cedar.parse_statements(text)
        for statement in statements:
            heads = (statement.principal, statement.action, statement.resource)
            believed = (self._owners[statement.id].effect, heads)
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
        return json.dumps(context)


def known_context(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what policies may ask of a request's context, in Cedar's JSON form.

    Members that no policy can ask for are left out. Raises ContextError for a known
    member of another type.
    """
    found: dict[str, Any] = {}
    for name, kind in CONTEXT_ATTRIBUTES.items():
        outer, _, inner = name.partition(".")
        value = _member(given, outer, inner)
        if value is None:
            continue
        _check(name, kind, value)
        found[outer] = {inner: value} if inner else value
    if (ip := given.get("ip")) is not None:
        if not isinstance(ip, str):
            raise ContextError("context.ip: must be a text")
        found["ip"] = {"__extn": {"fn": "ip", "arg": normalize_ip(ip)}}
    return found


def _check(name: str, kind: AttributeType, value: object) -> None:
    """Raise ContextError for a value that an attribute cannot have."""
    wanted = _CONTEXT_TYPES[kind]
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise ContextError(f"context.{name}: must be of type {kind.value}")
    if isinstance(value, int):
        least, most = CONTEXT_RANGES.get(name, LONG_RANGE)
        if not least <= value <= most:
            raise ContextError(f"context.{name}: must be from {least} to {most}")


def _member(given: Mapping[str, Any], outer: str, inner: str) -> Any:  # noqa: ANN401
    """Return a member, or a member's member when `inner` is not empty."""
    value = given.get(outer)
    if value is None or not inner:
        return value
    if not isinstance(value, Mapping):
        raise ContextError(f"context.{outer}: must be an object")
    return value.get(inner)


class _Entities:
    """Principals, roles and resources of a release, and what lies above them."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._attributes: dict[EntityRef, Mapping[str, Any]] = {}
        self._groups: dict[EntityRef, tuple[EntityRef, ...]] = {}
        self._above: dict[EntityRef, frozenset[EntityRef]] = {}
        roles: list[RoleRecord] = []
        assignments: list[AssignmentRecord] = []
        for record in records:
            match record:
                case PrincipalRecord():
                    self._attributes[record.entity] = record.attributes
                case ResourceRecord():
                    self._attributes[record.entity] = record.attributes
                    self._groups[record.entity] = record.groups
                case AssignmentRecord():
                    assignments.append(record)
                case RoleRecord():
                    roles.append(record)
                case _:
                    pass
        self._holdings = Holdings(assignments, parents_of(roles))

    def above_resource(self, resource: EntityRef) -> frozenset[EntityRef]:
        """Return a resource and every group it lies in."""
        known = self._above.get(resource)
        if known is None:
            found: set[EntityRef] = set()
            stack = [resource]
            while stack:
                entity = stack.pop()
                if entity not in found:
                    found.add(entity)
                    stack.extend(self._groups.get(entity, ()))
            known = frozenset(found)
            if resource in self._groups:
                self._above[resource] = known
        return known

    def roles_of(
        self, principal: EntityRef, now: dt.datetime, places: frozenset[EntityRef]
    ) -> tuple[EntityRef, ...]:
        """Return the roles a principal holds now for a resource in these places."""
        names = self._holdings.roles(principal, now, places)
        return tuple(EntityRef(ROLE_TYPE, name) for name in sorted(names))

    def slice(
        self, request: Request, roles: Sequence[EntityRef]
    ) -> list[dict[str, Any]]:
        """Return the entities that this request can touch, in Cedar's JSON form."""
        places = self.above_resource(request.resource)
        # One entity may be principal and resource at once. It then has the parents of
        # both, or a forbid on its group would not find it.
        parents: dict[EntityRef, tuple[EntityRef, ...]] = dict.fromkeys(roles, ())
        parents |= {place: self._groups.get(place, ()) for place in sorted(places)}
        who = request.principal
        parents[who] = (*parents.get(who, ()), *roles)
        extra: dict[EntityRef, Mapping[str, Any]] = {}
        extra[request.resource] = request.resource_attributes
        extra[who] = {**extra.get(who, {}), **request.principal_attributes}
        return [
            self._entity(entity, above, extra.get(entity, {}))
            for entity, above in parents.items()
        ]

    def _entity(
        self,
        entity: EntityRef,
        parents: Sequence[EntityRef],
        extra: Mapping[str, Any],
    ) -> dict[str, Any]:
        return {
            "uid": entity.to_dict(),
            "attrs": {**extra, **self._attributes.get(entity, {})},
            "parents": [parent.to_dict() for parent in parents],
        }
