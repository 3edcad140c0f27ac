"""Principals, roles and resources of a release, and what lies above them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from engine.cedar import PRINCIPAL_TYPES, ROLE_TYPE
from engine.question import Request
from engine.roles import Holdings, parents_of
from protocol.records import (
    AssignmentRecord,
    EligibilityRecord,
    EntityRef,
    PolicyRecord,
    PrincipalRecord,
    Record,
    ResourceRecord,
    RoleRecord,
    SchemaRecord,
    SeparationRecord,
)


def role_entities(names: Iterable[str]) -> tuple[EntityRef, ...]:
    """Return roles as Cedar knows them."""
    return tuple(EntityRef(ROLE_TYPE, name) for name in sorted(names))


class Entities:
    """Principals, roles and resources of a release, and what lies above them."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._attributes: dict[EntityRef, Mapping[str, Any]] = {}
        self._groups: dict[EntityRef, tuple[EntityRef, ...]] = {}
        self._above: dict[EntityRef, frozenset[EntityRef]] = {}
        roles: list[RoleRecord] = []
        assignments: list[AssignmentRecord] = []
        separations: list[SeparationRecord] = []
        eligibilities: list[EligibilityRecord] = []
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
                case SeparationRecord():
                    separations.append(record)
                case EligibilityRecord():
                    eligibilities.append(record)
                case _:
                    pass
        self._holdings = Holdings(assignments, parents_of(roles), separations)
        self.eligibilities = tuple(eligibilities)

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

    @property
    def holdings(self) -> Holdings:
        """Return who holds what."""
        return self._holdings

    @property
    def groups(self) -> Mapping[EntityRef, tuple[EntityRef, ...]]:
        """Return all resources with the groups that they lie in directly."""
        return self._groups

    @property
    def principals(self) -> frozenset[EntityRef]:
        """Return all principals that are registered or hold anything."""
        known = (ref for ref in self._attributes if ref.type in PRINCIPAL_TYPES)
        return frozenset((*known, *self._holdings.grants))

    def attributes(
        self, entity: EntityRef, extra: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return what is known of an entity: the release, then whoever asks."""
        return {**extra, **self._attributes.get(entity, {})}

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
            "attrs": self.attributes(entity, extra),
            "parents": [parent.to_dict() for parent in parents],
        }


def named_actions(records: Iterable[Record]) -> Iterator[str]:
    """Yield all actions that the schema, a role or a statement names."""
    for record in records:
        match record:
            case SchemaRecord():
                for namespace in record.cedar_json.values():
                    if isinstance(namespace, Mapping):
                        yield from namespace.get("actions", ())
            case RoleRecord():
                yield from (permission.action for permission in record.permissions)
            case PolicyRecord():
                for statement in record.statements:
                    head = statement.action
                    yield from head.ids or filter(None, [head.id])
            case _:
                pass
