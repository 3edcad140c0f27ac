"""What a role may be, given all other roles and the catalogue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from apps.roles.choices import Tier
from apps.roles.errors import (
    RoleCycleError,
    RoleTierError,
    RoleTooDeepError,
    SlugInvalidError,
    UnknownPermissionError,
    UnknownRoleError,
    UnknownTierError,
)
from apps.roles.rules.entries import check_name
from apps.roles.rules.graph import (
    MAX_DEPTH,
    RoleGraph,
    RoleNode,
    height_above,
    height_below,
    path_between,
)
from apps.roles.rules.specs import RoleSpec
from protocol.records import Permission

TIER_RANK = {tier.value: rank for rank, tier in enumerate(Tier)}
_SLUG = re.compile(r"^[a-z][a-z0-9-]{0,62}$")

CatalogueTiers = Mapping[Permission, str]


def check_role(spec: RoleSpec, graph: RoleGraph, tiers: CatalogueTiers) -> RoleSpec:
    """Return the role in normal form, given all roles as they are now.

    Raises an InvalidError of this app that names the field.
    """
    check_slug(spec.slug)
    check_name(spec.name)
    check_tier(spec.tier)
    for permission in spec.permissions:
        if permission not in tiers:
            raise UnknownPermissionError(
                f"The catalogue has no “{permission.action}” on "
                f"{permission.resource_type}.",
                field="permissions",
            )
    _check_parents(spec, graph)
    _check_tiers(spec, graph, tiers)
    return replace(
        spec,
        name=spec.name.strip(),
        permissions=tuple(
            sorted(set(spec.permissions), key=lambda p: (p.resource_type, p.action))
        ),
        parents=tuple(sorted(set(spec.parents))),
    )


def with_role(graph: RoleGraph, spec: RoleSpec) -> dict[str, RoleNode]:
    """Return all roles as they would be with this one."""
    node = RoleNode(spec.slug, spec.tier, frozenset(spec.permissions), spec.parents)
    return {**graph, spec.slug: node}


def check_slug(slug: str) -> None:
    """Raise SlugInvalidError unless this can be a short name."""
    if not _SLUG.match(slug):
        raise SlugInvalidError(f"“{slug}” is not a short name.", field="slug")


def check_tier(tier: str) -> None:
    """Raise UnknownTierError unless this is a tier."""
    if tier not in TIER_RANK:
        raise UnknownTierError(f"There is no tier “{tier}”.", field="tier")


def _check_parents(spec: RoleSpec, graph: RoleGraph) -> None:
    for parent in spec.parents:
        if parent == spec.slug:
            raise RoleCycleError(
                f"“{spec.slug}” cannot inherit from itself.", field="parents"
            )
        if parent not in graph:
            raise UnknownRoleError(f"There is no role “{parent}”.", field="parents")
        if path := path_between(graph, parent, spec.slug):
            circle = " → ".join([spec.slug, *path])
            raise RoleCycleError(
                f"Inheritance would run in a circle: {circle}.", field="parents"
            )
    changed = with_role(graph, spec)
    if height_above(changed, spec.slug) + height_below(changed, spec.slug) > (
        MAX_DEPTH
    ):
        raise RoleTooDeepError(field="parents")


def _check_tiers(spec: RoleSpec, graph: RoleGraph, tiers: CatalogueTiers) -> None:
    rank = TIER_RANK[spec.tier]
    for permission in spec.permissions:
        if TIER_RANK[tiers[permission]] > rank:
            raise RoleTierError(
                f"“{permission.action}” on {permission.resource_type} is "
                f"{Tier(tiers[permission]).label}, above the role's "
                f"{Tier(spec.tier).label}.",
                field="permissions",
            )
    for parent in spec.parents:
        if TIER_RANK[graph[parent].tier] > rank:
            raise RoleTierError(
                f"The parent “{parent}” is {Tier(graph[parent].tier).label}, above "
                f"the role's {Tier(spec.tier).label}.",
                field="parents",
                remedy="Raise the tier of the role, or remove the parent.",
            )
    for child in graph.values():
        if spec.slug in child.parents and TIER_RANK[child.tier] < rank:
            raise RoleTierError(
                f"“{child.slug}” inherits this role and is only "
                f"{Tier(child.tier).label}.",
                field="tier",
                remedy="Raise the tier of that role first.",
            )
