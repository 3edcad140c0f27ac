"""What policies of the tenant whose scope is open may refer to."""

from __future__ import annotations

from collections.abc import Iterable

from apps.policies.rules import Catalogue
from apps.roles import selectors as roles
from apps.roles.rules import effective_permissions
from apps.scopes import selectors as scopes
from engine.cedar import Attribute, AttributeType
from engine.schema import base_schema
from protocol.records import EntityRef


def catalogue() -> Catalogue:
    """Return everything that policies of the tenant may refer to."""
    tiers = roles.catalogue_tiers()
    graph = roles.role_graph()
    windows = {record.id: record for record in scopes.window_records()}
    attributes = tuple(
        Attribute(row.entity_type, row.name, AttributeType(row.type))
        for row in roles.attribute_definitions()
    )
    types = tuple(roles.resource_types().values_list("name", flat=True))
    actions: dict[str, list[str]] = {}
    for permission in tiers:
        actions.setdefault(permission.action, []).append(permission.resource_type)
    return Catalogue(
        tiers=tiers,
        roles={slug: frozenset(effective_permissions(graph, slug)) for slug in graph},
        resource_types=types,
        principals=_refs(roles.principals().values_list("type", "key")),
        resources=_refs(roles.resources().values_list("type", "key")),
        windows=windows,
        locations={record.id: record for record in scopes.location_records()},
        attributes=attributes,
        schema=base_schema(
            actions=actions,
            resource_types=types,
            zones={window.zone for window in windows.values()},
            attributes=attributes,
        ),
    )


def _refs(rows: Iterable[tuple[str, str]]) -> frozenset[EntityRef]:
    return frozenset(EntityRef(kind, key) for kind, key in rows)
