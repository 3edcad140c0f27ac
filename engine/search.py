"""Who can do this, what can they do: the questions of AuthZEN's three searches.

Candidates come from indexes over statements, grants and groups: whoever a permit could
be about. Every candidate is then decided like any other question, so that a result is
true when it is asked again.
"""

from __future__ import annotations

import bisect
import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from engine.cedar import ROLE_TYPE
from engine.decide import Decision, PolicyEngine, Request
from engine.index import request_keys
from engine.obligations import Duty
from engine.roles import Grant, closure
from protocol.records import EntityRef, Head

Decide = Callable[[Request], Decision]


class Sought(StrEnum):
    """What is searched for."""

    SUBJECT = "subject"
    RESOURCE = "resource"
    ACTION = "action"


@dataclass(frozen=True)
class Query:
    """A question with a gap: what is sought has no id, or no name, in the request."""

    sought: Sought
    request: Request

    def filled(self, name: str) -> Request:
        """Return the question with the gap filled."""
        request = self.request
        match self.sought:
            case Sought.SUBJECT:
                who = EntityRef(request.principal.type, name)
                return replace(request, principal=who)
            case Sought.RESOURCE:
                what = EntityRef(request.resource.type, name)
                return replace(request, resource=what)
            case _:
                return replace(request, action=name)


@dataclass(frozen=True)
class Found:
    """Some results in order. `after` is where to go on, or None at the end.

    `obligations` are what has to be done besides, of the results that ask for some.
    """

    names: tuple[str, ...]
    after: str | None
    examined: int
    obligations: Mapping[str, tuple[Duty, ...]] = field(default_factory=dict)


class Searcher:
    """Finds candidates in the release of an engine. Builds its indexes when asked."""

    def __init__(self, engine: PolicyEngine) -> None:
        self._engine = engine
        self._entities = engine.entities
        self._holdings = engine.entities.holdings
        self._below: dict[EntityRef, frozenset[EntityRef]] = {}

    def warm(self) -> None:
        """Build the indexes."""
        _ = (
            self._engine.halves,
            self._members,
            self._holders,
            self._children,
            self._by_type,
        )

    def find(
        self,
        query: Query,
        *,
        after: str | None = None,
        limit: int,
        budget: int,
        decide: Decide | None = None,
    ) -> Found:
        """Return up to `limit` results, having decided up to `budget` candidates."""
        ask = decide or self._engine.decide
        names = self.candidates_after(query, after)
        found: list[str] = []
        asked: dict[str, tuple[Duty, ...]] = {}
        for number, name in enumerate(names, start=1):
            decision = ask(query.filled(name))
            if decision.allowed:
                found.append(name)
            if decision.allowed and decision.obligations:
                asked[name] = decision.obligations
            if len(found) == limit or number == budget:
                rest = name if number < len(names) else None
                return Found(tuple(found), rest, number, asked)
        return Found(tuple(found), None, len(names), asked)

    def candidates_after(self, query: Query, after: str | None) -> list[str]:
        """Return the candidates that come after a name, in order."""
        names = self.candidates(query)
        return names if after is None else names[bisect.bisect_right(names, after) :]

    def candidates(self, query: Query) -> list[str]:
        """Return everything that could be a result, in order."""
        request = query.request
        match query.sought:
            case Sought.SUBJECT:
                found = self._subjects(request)
            case Sought.RESOURCE:
                found = self._resources(request)
            case _:
                return sorted(self._actions(request))
        return sorted(entity.id for entity in found)

    def _subjects(self, request: Request) -> set[EntityRef]:
        kind = request.principal.type
        if not self._is_resource(request.resource) or not self._is_action(request):
            return set()
        places = self._entities.above_resource(request.resource)
        keys = request_keys(request.resource, places - {request.resource})
        found: set[EntityRef] = set()
        for head in self._heads(self._engine.halves.of_resource(keys, request.action)):
            found.update(self._meant(head, kind, request.now, places))
        return found

    def _meant(
        self,
        head: Head,
        kind: str,
        now: dt.datetime,
        places: frozenset[EntityRef],
    ) -> Iterable[EntityRef]:
        """Return the principals of a type that a head could be about."""
        known = self._by_type.get(kind, ())
        match head.op:
            case "any":
                return known
            case "is":
                return known if head.type == kind else ()
            case "==":
                entity = EntityRef(head.type, head.id)
                return (entity,) if entity in known else ()
        above = EntityRef(head.in_type or head.type, head.in_id or head.id)
        if head.op == "is_in" and head.type != kind:
            return ()
        if above.type != ROLE_TYPE:
            return (above,) if above in known else ()
        return (
            holder
            for role in self._inheriting(above.id)
            for holder, grant in self._holders.get(role, ())
            if holder.type == kind and grant.holds(now, places)
        )

    def _resources(self, request: Request) -> set[EntityRef]:
        who, kind = request.principal, request.resource.type
        if who not in self._known or not self._is_action(request):
            return set()
        scopes = self._scopes(who, request.now)
        keys = request_keys(who, [EntityRef(ROLE_TYPE, role) for role in scopes])
        found: set[EntityRef] = set()
        for number in self._engine.halves.of_principal(keys, request.action):
            if self._is_permit(number):
                statement = self._engine.statements[number]
                about = self._about(statement.resource, kind)
                found.update(_inside(about, statement.principal, scopes))
        return found

    def _scopes(
        self, principal: EntityRef, now: dt.datetime
    ) -> dict[str, frozenset[EntityRef] | None]:
        """Return each role held anywhere now with the places where; None is all."""
        found: dict[str, frozenset[EntityRef] | None] = {}
        for grant in self._holdings.grants.get(principal, ()):
            if not grant.start <= now < grant.end:
                continue
            places = None if grant.scope is None else self._everything_in(grant.scope)
            for role in closure([grant.role], self._holdings.parents):
                known = found.get(role, frozenset())
                both = None if known is None or places is None else known | places
                found[role] = both
        return found

    def _about(self, head: Head, kind: str) -> frozenset[EntityRef]:
        """Return the resources of a type that a head is about."""
        known = self._by_type.get(kind, frozenset())
        match head.op:
            case "any":
                return known
            case "is":
                return known if head.type == kind else frozenset()
            case "==":
                return known & {EntityRef(head.type, head.id)}
            case "is_in" if head.type != kind:
                return frozenset()
            case _:
                above = EntityRef(head.in_type or head.type, head.in_id or head.id)
                return known & self._everything_in(above)

    def _actions(self, request: Request) -> set[str]:
        if request.principal not in self._known:
            return set()
        if not self._is_resource(request.resource):
            return set()
        placed = self._engine.place(request)
        what = request_keys(request.resource, placed.places - {request.resource})
        numbers = self._engine.halves.of_principal(
            request_keys(request.principal, placed.roles), None
        ) & self._engine.halves.of_resource(what, None)
        found: set[str] = set()
        for number in numbers:
            if self._is_permit(number):
                head = self._engine.statements[number].action
                if head.op == "any":
                    return set(self._engine.actions)
                found.update(head.ids or (head.id,))
        return found

    def _everything_in(self, place: EntityRef) -> frozenset[EntityRef]:
        """Return a place and all that lies in it."""
        known = self._below.get(place)
        if known is None:
            known = frozenset(closure([place], self._members))
            self._below[place] = known
        return known

    def _inheriting(self, role: str) -> set[str]:
        return closure([role], self._children)

    def _heads(self, numbers: Iterable[int]) -> set[Head]:
        return {
            self._engine.statements[number].principal
            for number in numbers
            if self._is_permit(number)
        }

    def _is_permit(self, number: int) -> bool:
        return self._engine.policy_of(number).effect == "permit"

    def _is_resource(self, entity: EntityRef) -> bool:
        return entity in self._entities.groups

    def _is_action(self, request: Request) -> bool:
        return request.action in self._engine.actions

    @cached_property
    def _known(self) -> frozenset[EntityRef]:
        return self._entities.principals

    @cached_property
    def _by_type(self) -> dict[str, frozenset[EntityRef]]:
        found: dict[str, set[EntityRef]] = {}
        for entity in (*self._known, *self._entities.groups):
            found.setdefault(entity.type, set()).add(entity)
        return {kind: frozenset(entities) for kind, entities in found.items()}

    @cached_property
    def _members(self) -> dict[EntityRef, list[EntityRef]]:
        found: dict[EntityRef, list[EntityRef]] = {}
        for entity, groups in self._entities.groups.items():
            for group in groups:
                found.setdefault(group, []).append(entity)
        return found

    @cached_property
    def _holders(self) -> dict[str, list[tuple[EntityRef, Grant]]]:
        found: dict[str, list[tuple[EntityRef, Grant]]] = {}
        for principal, grants in self._holdings.grants.items():
            for grant in grants:
                found.setdefault(grant.role, []).append((principal, grant))
        return found

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for child, parents in self._holdings.parents.items():
            for parent in parents:
                found.setdefault(parent, []).append(child)
        return found


def _inside(
    resources: frozenset[EntityRef],
    principal: Head,
    scopes: dict[str, frozenset[EntityRef] | None],
) -> frozenset[EntityRef]:
    """Leave out where the role that a statement is for is not held."""
    role = principal.in_id or principal.id
    if ROLE_TYPE not in {principal.type, principal.in_type}:
        return resources
    places = scopes.get(role, frozenset())
    return resources if places is None else resources & places
