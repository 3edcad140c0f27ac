"""What policies of the open tenant may refer to, and what it is called."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from django.db.models import Q

from apps.policies.rules import Catalogue, Named, PolicyContent, Words, names_in
from apps.roles import selectors as roles
from apps.roles.rules import RoleNode, ancestry, effective_permissions
from apps.scopes import selectors as scopes
from engine.cedar import Attribute, AttributeType
from engine.schema import base_schema
from protocol.records import EntityRef, WindowRecord


def catalogue() -> Catalogue:
    """Return everything that policies of the tenant may refer to."""
    windows = scopes.window_records()
    return _catalogue(
        graph=roles.role_graph(),
        principals=_refs(roles.principals().values_list("type", "key")),
        resources=_refs(roles.resources().values_list("type", "key")),
        windows={record.id: record for record in windows},
        places=None,
        zones={window.zone for window in windows},
    )


def catalogue_of(content: PolicyContent) -> Catalogue:
    """Return what is needed to judge one policy: what it names, and nothing else.

    It gives the same statements as the whole catalogue, and is read in the same time
    however much there is.
    """
    named = names_in(content)
    windows = {r.id: r for r in scopes.window_records(named.windows)}
    zones = frozenset(window.zone for window in windows.values())
    return _catalogue(
        graph=roles.role_graph_above(named.roles),
        principals=_refs(
            roles.principals()
            .filter(_any_of(named.principals))
            .values_list("type", "key")
        ),
        resources=_refs(
            roles.resources()
            .filter(_any_of(named.resources))
            .values_list("type", "key")
        ),
        windows=windows,
        places=named.locations,
        zones=scopes.zones_in_use() if named.is_expert else zones,
    )


def words_of(content: PolicyContent) -> Words:
    """Return what people call the things that a policy names."""
    named = names_in(content)
    windows = scopes.window_records(named.windows) if named.windows else []
    places = scopes.location_records(named.locations) if named.locations else []
    return Words(
        names=_names(named),
        windows={record.id: record for record in windows},
        locations={record.id: record for record in places},
    )


def attributes() -> tuple[Attribute, ...]:
    """Return the typed attributes of principals and resources."""
    return tuple(
        Attribute(row.entity_type, row.name, AttributeType(row.type), tuple(row.values))
        for row in roles.attribute_definitions()
    )


def _catalogue(
    *,
    graph: Mapping[str, RoleNode],
    principals: frozenset[EntityRef],
    resources: frozenset[EntityRef],
    windows: Mapping[str, WindowRecord],
    places: Collection[str] | None,
    zones: Collection[str],
) -> Catalogue:
    tiers = roles.catalogue_tiers()
    types = tuple(roles.resource_types().values_list("name", flat=True))
    known = attributes()
    actions: dict[str, list[str]] = {}
    for permission in tiers:
        actions.setdefault(permission.action, []).append(permission.resource_type)
    return Catalogue(
        tiers=tiers,
        roles={slug: frozenset(effective_permissions(graph, slug)) for slug in graph},
        ancestors={slug: tuple(ancestry(graph, slug)) for slug in graph},
        resource_types=types,
        principals=principals,
        resources=resources,
        windows=windows,
        locations={record.id: record for record in scopes.location_records(places)},
        attributes=known,
        zones=tuple(sorted(zones)),
        schema=base_schema(
            actions=actions, resource_types=types, zones=zones, attributes=known
        ),
    )


def _names(named: Named) -> dict[EntityRef, str]:
    found = {}
    if named.roles:
        rows = roles.roles_named(named.roles)
        found = {EntityRef("Role", slug): name for slug, name in rows}
    for rows_of, entities in (
        (roles.principals, named.principals),
        (roles.resources, named.resources),
    ):
        if entities:
            things = rows_of().filter(_any_of(entities))
            for kind, key, name in things.values_list("type", "key", "name"):
                found[EntityRef(kind, key)] = name
    return found


def _any_of(entities: Collection[EntityRef]) -> Q:
    """Return what picks these entities; of none, nothing."""
    by_type: dict[str, list[str]] = {}
    for entity in entities:
        by_type.setdefault(entity.type, []).append(entity.id)
    found = Q(pk__in=[])
    for kind, keys in by_type.items():
        found |= Q(type=kind, key__in=keys)
    return found


def _refs(rows: Iterable[tuple[str, str]]) -> frozenset[EntityRef]:
    return frozenset(EntityRef(kind, key) for kind, key in rows)
