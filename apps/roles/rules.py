"""Inheritance of roles, and what registry entries must look like.

Roles form a directed acyclic graph (NIST RBAC, level 1): members of a child are members
of its parents, so a child holds what its parents hold.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from apps.roles.choices import AssignmentSource, AttributeType, PrincipalType, Tier
from apps.roles.errors import (
    AssignmentDatesError,
    AssignmentEndMissingError,
    AttributeValueError,
    NameInvalidError,
    NameReservedError,
    RoleCycleError,
    RoleTierError,
    RoleTooDeepError,
    SlugInvalidError,
    UnknownAttributeError,
    UnknownPermissionError,
    UnknownResourceTypeError,
    UnknownRoleError,
    UnknownTierError,
)
from protocol.records import EntityRef, Permission

MAX_DEPTH = 10
RESERVED_TYPES = frozenset({"User", "Service", "Role", "ResourceGroup", "Action"})
TIER_RANK = {tier.value: rank for rank, tier in enumerate(Tier)}
_LONGEST_NAME = 120
_LONGEST_KEY = 255
_SLUG = re.compile(r"^[a-z][a-z0-9-]{0,62}$")
_TYPE_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_]{0,62}$")
_ATTRIBUTE_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
_ACTION_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_:.-]{0,62}$")
_KEY = re.compile(r"^[^\s\x00-\x1f\"\\]+$")


@dataclass(frozen=True)
class RoleSpec:
    """What somebody wants a role to be."""

    slug: str
    name: str
    tier: str
    description: str = ""
    permissions: tuple[Permission, ...] = ()
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class EntrySpec:
    """What somebody wants a principal or resource to be."""

    ref: EntityRef
    name: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class AssignmentSpec:
    """Who is to hold which role, where, for how long and why."""

    principal: EntityRef
    role: str
    scope: EntityRef | None = None
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    source: str = AssignmentSource.STANDING.value
    reason: str = ""
    delegator: EntityRef | None = None
    workflow: str = ""
    workflow_id: uuid.UUID | None = None


@dataclass(frozen=True)
class RoleNode:
    """A role as the graph sees it."""

    slug: str
    tier: str
    permissions: frozenset[Permission]
    parents: tuple[str, ...]


RoleGraph = Mapping[str, RoleNode]
CatalogueTiers = Mapping[Permission, str]
AttributeTypes = Mapping[str, str]


def check_role(spec: RoleSpec, graph: RoleGraph, tiers: CatalogueTiers) -> RoleSpec:
    """Return the role in normal form, given all roles as they are now.

    Raises an InvalidError of this app that names the field.
    """
    if not _SLUG.match(spec.slug):
        raise SlugInvalidError(f"“{spec.slug}” is not a short name.", field="slug")
    _check_name(spec.name)
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


def effective_permissions(graph: RoleGraph, slug: str) -> dict[Permission, str]:
    """Return what a role holds, each with the role it comes from (nearest first)."""
    found: dict[Permission, str] = {}
    for origin in ancestry(graph, slug):
        for permission in graph[origin].permissions:
            found.setdefault(permission, origin)
    return found


def ancestry(graph: RoleGraph, slug: str) -> list[str]:
    """Return a role and all it inherits from, nearest first, each once."""
    found = [slug]
    for current in found:
        parents = graph[current].parents if current in graph else ()
        found.extend(p for p in parents if p in graph and p not in found)
    return found if slug in graph else []


def check_tier(tier: str) -> None:
    """Raise UnknownTierError unless this is a tier."""
    if tier not in TIER_RANK:
        raise UnknownTierError(f"There is no tier “{tier}”.", field="tier")


def check_resource_type(name: str) -> None:
    """Raise NameInvalidError or NameReservedError for what no type may be called."""
    if not _TYPE_NAME.match(name):
        raise NameInvalidError(
            f"“{name}” is not a type name.",
            field="name",
            remedy="Use letters, digits and underscores, starting with a letter.",
        )
    if name in RESERVED_TYPES:
        raise NameReservedError(f"“{name}” is a type of its own.", field="name")


def check_action(name: str) -> None:
    """Raise NameInvalidError for what no action may be called."""
    if not _ACTION_NAME.match(name):
        raise NameInvalidError(
            f"“{name}” is not an action name.",
            field="action",
            remedy="Use letters, digits, hyphens, dots and colons; start with a "
            "letter.",
        )


def check_attribute(entity_type: str, name: str, types: Iterable[str]) -> None:
    """Raise an InvalidError unless an attribute may be defined for the type."""
    if not _ATTRIBUTE_NAME.match(name):
        raise NameInvalidError(
            f"“{name}” is not an attribute name.",
            field="name",
            remedy="Use a-z, 0-9 and underscores, starting with a letter.",
        )
    if entity_type not in {*types, *PrincipalType.values}:
        raise UnknownResourceTypeError(
            f"There is no type “{entity_type}”.", field="entity_type"
        )


def check_entry(spec: EntrySpec, attributes: AttributeTypes) -> None:
    """Raise an InvalidError unless a registry entry is well formed and typed."""
    if not _KEY.match(spec.ref.id) or len(spec.ref.id) > _LONGEST_KEY:
        raise NameInvalidError(
            f"“{spec.ref.id}” is not a key.",
            field="key",
            remedy="Use no spaces, quotes or backslashes.",
        )
    for name, value in spec.attributes.items():
        if name not in attributes:
            raise UnknownAttributeError(
                f"{spec.ref.type} has no attribute “{name}”.",
                field=f"attributes.{name}",
            )
        if not has_type(value, attributes[name]):
            raise AttributeValueError(
                f"“{name}” is not {_TYPE_WORDS[AttributeType(attributes[name])]}.",
                field=f"attributes.{name}",
                remedy=f"Write {_TYPE_WORDS[AttributeType(attributes[name])]}.",
            )


def has_type(value: object, kind: str) -> bool:
    """Say whether a JSON value has the type of an attribute."""
    match AttributeType(kind):
        case AttributeType.TEXT:
            return isinstance(value, str)
        case AttributeType.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case AttributeType.YES_NO:
            return isinstance(value, bool)
        case AttributeType.TEXTS:
            return isinstance(value, list) and all(isinstance(v, str) for v in value)


def check_assignment(spec: AssignmentSpec) -> None:
    """Raise an InvalidError unless an assignment's times make sense."""
    if spec.start and spec.end and spec.end <= spec.start:
        raise AssignmentDatesError(field="end")
    if spec.end is None and spec.source != AssignmentSource.STANDING:
        raise AssignmentEndMissingError(field="end")


_TYPE_WORDS = {
    AttributeType.TEXT: "a text",
    AttributeType.INTEGER: "a whole number",
    AttributeType.YES_NO: "true or false",
    AttributeType.TEXTS: "a list of texts",
}


def _check_name(name: str) -> None:
    if not 0 < len(name.strip()) <= _LONGEST_NAME:
        raise NameInvalidError(
            f"A name has 1 to {_LONGEST_NAME} characters.",
            field="name",
            remedy="Write what people call it.",
        )


def _check_parents(spec: RoleSpec, graph: RoleGraph) -> None:
    for parent in spec.parents:
        if parent == spec.slug:
            raise RoleCycleError(
                f"“{spec.slug}” cannot inherit from itself.", field="parents"
            )
        if parent not in graph:
            raise UnknownRoleError(f"There is no role “{parent}”.", field="parents")
        if path := _path(graph, parent, spec.slug):
            circle = " → ".join([spec.slug, *path])
            raise RoleCycleError(
                f"Inheritance would run in a circle: {circle}.", field="parents"
            )
    changed = {**graph, spec.slug: _node(spec)}
    if _height_above(changed, spec.slug) + _height_below(changed, spec.slug) > (
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


def _node(spec: RoleSpec) -> RoleNode:
    return RoleNode(spec.slug, spec.tier, frozenset(spec.permissions), spec.parents)


def _path(graph: RoleGraph, start: str, goal: str) -> list[str]:
    """Return the way up from one role to another, or nothing."""
    ways = [[start]]
    for way in ways:
        if way[-1] == goal:
            return way
        parents = graph[way[-1]].parents if way[-1] in graph else ()
        ways.extend([*way, parent] for parent in parents if parent not in way)
    return []


def _height_above(graph: RoleGraph, slug: str) -> int:
    return _longest({s: node.parents for s, node in graph.items()}, slug)


def _height_below(graph: RoleGraph, slug: str) -> int:
    children: dict[str, list[str]] = {}
    for node in graph.values():
        for parent in node.parents:
            children.setdefault(parent, []).append(node.slug)
    return _longest(children, slug)


def _longest(edges: Mapping[str, Iterable[str]], slug: str) -> int:
    """Return the length of the longest way from a role; the graph has no circle."""
    level, length = {slug}, 0
    while level := {after for current in level for after in edges.get(current, ())}:
        length += 1
    return length
