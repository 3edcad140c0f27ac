"""Inheritance of roles: a directed acyclic graph (NIST RBAC, level 1).

Members of a child are members of its parents, so a child holds what its parents hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from protocol.records import Permission

MAX_DEPTH = 10


@dataclass(frozen=True)
class RoleNode:
    """A role as the graph sees it."""

    slug: str
    tier: str
    permissions: frozenset[Permission]
    parents: tuple[str, ...]


RoleGraph = Mapping[str, RoleNode]


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


@dataclass(frozen=True)
class Branch:
    """A role in the tree, below one of its parents.

    A role with several parents comes several times; what is below it, once.
    """

    slug: str
    own: tuple[Permission, ...]
    inherited: tuple[tuple[Permission, str], ...]
    children: tuple[Branch, ...] = ()
    is_repeated: bool = False
    is_cut: bool = False


def tree(graph: RoleGraph) -> tuple[Branch, ...]:
    """Return all roles as a forest: those that inherit nothing, and below them."""
    below: dict[str, list[str]] = {slug: [] for slug in graph}
    for slug in sorted(graph):
        for parent in graph[slug].parents:
            if parent in below:
                below[parent].append(slug)
    roots = [s for s in sorted(graph) if not any(p in graph for p in graph[s].parents)]
    seen: set[str] = set()
    return tuple(_branch(graph, below, seen, slug) for slug in roots)


def _branch(
    graph: RoleGraph, below: Mapping[str, list[str]], seen: set[str], slug: str
) -> Branch:
    held = effective_permissions(graph, slug)
    ordered = sorted(held, key=lambda p: (p.resource_type, p.action))
    is_repeated = slug in seen
    seen.add(slug)
    children = () if is_repeated else below[slug]
    return Branch(
        slug,
        tuple(p for p in ordered if held[p] == slug),
        tuple((p, held[p]) for p in ordered if held[p] != slug),
        tuple(_branch(graph, below, seen, child) for child in children),
        is_repeated=is_repeated,
        is_cut=is_repeated and bool(below[slug]),
    )


def path_between(graph: RoleGraph, start: str, goal: str) -> list[str]:
    """Return the way up from one role to another, or nothing."""
    ways = [[start]]
    for way in ways:
        if way[-1] == goal:
            return way
        parents = graph[way[-1]].parents if way[-1] in graph else ()
        ways.extend([*way, parent] for parent in parents if parent not in way)
    return []


def height_above(graph: RoleGraph, slug: str) -> int:
    """Return how many steps the longest way up from a role has."""
    return _longest({s: node.parents for s, node in graph.items()}, slug)


def height_below(graph: RoleGraph, slug: str) -> int:
    """Return how many steps the longest way down to a role's children has."""
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
