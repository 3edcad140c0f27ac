"""What can be picked for a policy: found by a text, and named by its value.

Both read a page of rows at most, however many there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import reduce
from operator import and_
from typing import TypeVar

from django.db.models import Q, QuerySet

from apps.policies.rules import Choice, Pick
from apps.policies.rules.choosing import matches
from apps.policies.rules.words import location_words, window_words
from apps.roles import selectors as roles
from apps.roles.models import Principal, Resource, Role
from apps.scopes import selectors as scopes
from engine.cedar import GROUP_TYPE, ROLE_TYPE

MOST_FOUND = 20
M = TypeVar("M", Principal, Resource)


def find_choices(kind: Pick, text: str, limit: int = MOST_FOUND) -> list[Choice]:
    """Return the first things whose name or key holds every word of a text."""
    found: list[Choice] = []
    match kind:
        case Pick.PRINCIPALS:
            found = [
                *_roles(
                    roles.roles()
                    .prefetch_related(None)
                    .filter(_holds(text, "slug"))[:limit]
                ),
                *_entities(roles.principals().filter(_holds(text, "key"))[:limit]),
            ]
        case Pick.RESOURCES:
            found = [*_types(text), *_found_resources(text, limit)]
        case Pick.ACTIONS:
            found = [c for c in _actions() if matches(text, c.value, c.note)]
        case Pick.WINDOWS:
            rows = scopes.windows().filter(_holds(text, "slug"))[:limit]
            found = _windows([row.slug for row in rows])
        case Pick.LOCATIONS:
            places = scopes.locations().filter(_holds(text, "slug"))[:limit]
            found = _locations([row.slug for row in places])
    return found[:limit]


def choices_of_type(kind: Pick, type_name: str, text: str) -> list[Choice]:
    """Return the first entities of one type; what has no type is found as it is."""
    match kind:
        case Pick.PRINCIPALS if type_name == ROLE_TYPE:
            rows = roles.roles().prefetch_related(None).filter(_holds(text, "slug"))
            return _roles(rows[:MOST_FOUND])
        case Pick.PRINCIPALS:
            people = roles.principals().filter(_holds(text, "key"), type=type_name)
            return _entities(people[:MOST_FOUND])
        case Pick.RESOURCES:
            things = roles.resources().prefetch_related(None)
            found = things.filter(_holds(text, "key"), type=type_name)
            return _entities(found[:MOST_FOUND])
        case _:
            return find_choices(kind, text)


def completions() -> dict[str, list[str]]:
    """Return the names of the tenant that the text of an expert may hold anywhere."""
    return {
        "types": list(roles.resource_types().values_list("name", flat=True)),
        "zones": sorted(scopes.zones_in_use()),
    }


def choices_named(kind: Pick, values: Collection[str]) -> list[Choice]:
    """Return what values are called; those that name nothing are left out."""
    if not values:
        return []
    match kind:
        case Pick.PRINCIPALS:
            slugs = [v.partition("::")[2] for v in values if v.startswith(ROLE_TYPE)]
            rows = (
                roles.roles().prefetch_related(None).filter(slug__in=slugs)
                if slugs
                else ()
            )
            return [*_roles(rows), *_entities(_named(roles.principals(), values))]
        case Pick.RESOURCES:
            types = [c for c in _types("") if c.value in values]
            return [*types, *_entities(_named(roles.resources(), values))]
        case Pick.ACTIONS:
            return [choice for choice in _actions() if choice.value in values]
        case Pick.WINDOWS:
            return _windows(values)
        case Pick.LOCATIONS:
            return _locations(values)


def _holds(text: str, key: str) -> Q:
    words = [
        Q(**{f"{key}__icontains": word}) | Q(name__icontains=word)
        for word in text.split()
    ]
    return reduce(and_, words, Q())


def _found_resources(text: str, limit: int) -> list[Choice]:
    """Return groups before single things: policies are better written for them."""
    rows = roles.resources().prefetch_related(None).filter(_holds(text, "key"))
    groups = rows.filter(type=GROUP_TYPE)[:limit]
    return [*_entities(groups), *_entities(rows.exclude(type=GROUP_TYPE)[:limit])]


def _all_roles() -> QuerySet[Role]:
    return roles.roles().prefetch_related(None)


def _roles(rows: Iterable[Role]) -> list[Choice]:
    return [
        Choice(f"{ROLE_TYPE}::{row.slug}", row.name, f"role {row.slug}") for row in rows
    ]


def _entities(rows: Iterable[Principal | Resource]) -> list[Choice]:
    found = []
    for row in rows:
        word = "group" if row.type == GROUP_TYPE else row.type
        value = f"{row.type}::{row.key}"
        found.append(Choice(value, row.name or row.key, f"{word} {row.key}"))
    return found


def _types(text: str) -> list[Choice]:
    names = roles.resource_types().values_list("name", "description")
    return [
        Choice(f"{name}::", f"Every {name}", note)
        for name, note in names
        if matches(text, "every", name)
    ]


def _actions() -> list[Choice]:
    """Return each action once, with the types it applies to."""
    types: dict[str, list[str]] = {}
    for permission in roles.catalogue_tiers():
        types.setdefault(permission.action, []).append(permission.resource_type)
    return [
        Choice(action, action, f"on {', '.join(sorted(kinds))}")
        for action, kinds in sorted(types.items())
    ]


def _windows(slugs: Collection[str]) -> list[Choice]:
    return [
        Choice(record.id, record.name, window_words(record))
        for record in scopes.window_records(slugs)
    ]


def _locations(slugs: Collection[str]) -> list[Choice]:
    return [
        Choice(record.id, record.name, location_words(record))
        for record in scopes.location_records(slugs)
    ]


def _named(rows: QuerySet[M], values: Collection[str]) -> QuerySet[M]:
    by_type: dict[str, list[str]] = {}
    for value in values:
        kind, _, key = value.partition("::")
        if key:
            by_type.setdefault(kind, []).append(key)
    wanted = Q(pk__in=[])
    for kind, keys in by_type.items():
        wanted |= Q(type=kind, key__in=keys)
    return rows.prefetch_related(None).filter(wanted)
