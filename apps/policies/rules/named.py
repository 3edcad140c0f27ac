"""What a policy names, so that only that has to be read to judge it."""

from __future__ import annotations

from dataclasses import dataclass, field

from apps.policies.rules.content import PolicyContent
from engine.cedar import PRINCIPAL_TYPES, ROLE_TYPE, entities_in
from engine.errors import CedarSyntaxError
from protocol.records import EntityRef


@dataclass(frozen=True)
class Named:
    """Roles, principals, resources, windows and locations by short name and key.

    The text of an expert may ask for any time zone, so all of them count as named.
    """

    roles: frozenset[str] = frozenset()
    principals: frozenset[EntityRef] = frozenset()
    resources: frozenset[EntityRef] = frozenset()
    windows: frozenset[str] = frozenset()
    locations: frozenset[str] = frozenset()
    is_expert: bool = field(default=False)


def names_in(content: PolicyContent) -> Named:
    """Return what a policy names. A text that is not Cedar names nothing."""
    entities = _entities(content)
    held = (role for case in content.tests for role in case.given.roles)
    roles = frozenset((*held, *(e.id for e in entities if e.type == ROLE_TYPE)))
    people = frozenset(found for found in entities if found.type in PRINCIPAL_TYPES)
    return Named(
        roles=roles,
        principals=people,
        resources=frozenset(e for e in entities - people if e.type != ROLE_TYPE),
        windows=frozenset(content.windows),
        locations=frozenset(content.locations),
        is_expert=bool(content.cedar),
    )


def _entities(content: PolicyContent) -> frozenset[EntityRef]:
    found = {EntityRef(item.type, item.id) for item in content.principals}
    found |= {EntityRef(i.type, i.id) for i in content.resources if i.id}
    if content.cedar:
        try:
            found |= entities_in(content.cedar)
        except CedarSyntaxError:
            return frozenset(found)
    return frozenset(found)
