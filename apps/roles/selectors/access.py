"""Questions about roles and registries of the tenant whose scope is open."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterable

from django.db.models import Count, Prefetch, Q, QuerySet

from apps.roles.choices import AssignmentState, PrincipalType
from apps.roles.errors import (
    AssignmentNotFoundError,
    PrincipalNotFoundError,
    ResourceNotFoundError,
    RoleNotFoundError,
)
from apps.roles.models import (
    Assignment,
    AttributeDefinition,
    Permission,
    Principal,
    PrincipalGroup,
    Resource,
    ResourceOwner,
    ResourceType,
    Role,
    RoleParent,
    RolePermission,
)
from apps.roles.rules import RoleNode
from protocol import records
from protocol.records import EntityRef


def roles() -> QuerySet[Role]:
    """Return all roles with their own permissions and parents."""
    return Role.objects.prefetch_related(
        Prefetch("permissions", Permission.objects.select_related("resource_type")),
        Prefetch("parents", Role.objects.order_by("slug")),
    ).order_by("slug")


def roles_named(slugs: Collection[str]) -> list[tuple[str, str]]:
    """Return short names and names of these roles."""
    return list(Role.objects.filter(slug__in=slugs).values_list("slug", "name"))


def roles_with_counts() -> QuerySet[Role]:
    """Return all roles with how many permissions and principals they have."""
    return Role.objects.annotate(
        permission_count=Count("permissions", distinct=True),
        holder_count=Count(
            "assignments",
            filter=Q(assignments__revoked_at__isnull=True),
            distinct=True,
        ),
    ).order_by("slug")


def principals() -> QuerySet[Principal]:
    """Return all principals, by type and key."""
    return Principal.objects.order_by("type", "key")


def resources() -> QuerySet[Resource]:
    """Return all resources with their groups, by type and key."""
    return Resource.objects.prefetch_related(
        Prefetch("groups", Resource.objects.order_by("key"))
    ).order_by("type", "key")


def resource_types() -> QuerySet[ResourceType]:
    """Return all resource types, by name."""
    return ResourceType.objects.order_by("name")


def permissions() -> QuerySet[Permission]:
    """Return the catalogue: all actions on all resource types."""
    return Permission.objects.select_related("resource_type").order_by(
        "resource_type__name", "action"
    )


def attribute_definitions() -> QuerySet[AttributeDefinition]:
    """Return all attributes that principals and resources may have."""
    return AttributeDefinition.objects.order_by("entity_type", "name")


def attribute_types(entity_type: str) -> dict[str, str]:
    """Return the attributes of one type with the type of their values."""
    rows = attribute_definitions().filter(entity_type=entity_type)
    return dict(rows.values_list("name", "type"))


def allowed_values(entity_type: str) -> dict[str, list[str]]:
    """Return the attributes of one type that are limited to certain values."""
    rows = attribute_definitions().filter(entity_type=entity_type).exclude(values=[])
    return dict(rows.values_list("name", "values"))


def attribute_values(entity_type: str, name: str) -> list[object]:
    """Return the different values that an attribute has anywhere."""
    rows = Principal if entity_type in PrincipalType.values else Resource
    found = rows.objects.filter(type=entity_type, attributes__has_key=name)
    return list(found.values_list(f"attributes__{name}", flat=True).distinct())


def assignments() -> QuerySet[Assignment]:
    """Return all assignments that were not revoked."""
    return (
        Assignment.objects.filter(revoked_at__isnull=True)
        .select_related("principal", "role", "scope", "delegator")
        .order_by("principal__key", "role__slug", "pk")
    )


def all_assignments() -> QuerySet[Assignment]:
    """Return all assignments there ever were."""
    return Assignment.objects.select_related(
        "principal", "role", "scope", "delegator"
    ).order_by("principal__key", "role__slug", "pk")


def assignments_in(state: str, now: dt.datetime) -> Q:
    """Return what picks the assignments in one state."""
    is_over = Q(end__lte=now)
    is_later = Q(start__gt=now)
    kept = Q(revoked_at__isnull=True)
    return {
        AssignmentState.NOW.value: kept & ~is_over & ~is_later,
        AssignmentState.LATER.value: kept & ~is_over & is_later,
        AssignmentState.EXPIRED.value: kept & is_over,
        AssignmentState.REVOKED.value: ~kept,
    }[state]


def live_assignments(now: dt.datetime) -> QuerySet[Assignment]:
    """Return the assignments that hold now or will."""
    return assignments().filter(Q(end__isnull=True) | Q(end__gt=now))


def role_by_id(role_id: uuid.UUID) -> Role:
    """Return a role or raise RoleNotFoundError."""
    try:
        return roles().get(pk=role_id)
    except Role.DoesNotExist as error:
        raise RoleNotFoundError from error


def principal_by_id(principal_id_: uuid.UUID) -> Principal:
    """Return a principal or raise PrincipalNotFoundError."""
    try:
        return Principal.objects.get(pk=principal_id_)
    except Principal.DoesNotExist as error:
        raise PrincipalNotFoundError from error


def names_of(refs: Iterable[EntityRef]) -> dict[EntityRef, str]:
    """Return the names of those principals that have one."""
    rows = Principal.objects.filter(key__in={ref.id for ref in refs}).exclude(name="")
    found = rows.values_list("type", "key", "name")
    return {EntityRef(kind, key): name for kind, key, name in found}


def principal_of_user(user_id: uuid.UUID) -> Principal | None:
    """Return the principal that a person signs in as, if there is one."""
    return Principal.objects.filter(user_id=user_id).first()


def users_in_group(slug: str) -> frozenset[uuid.UUID]:
    """Return the people of a group; an unknown group has none."""
    found = Principal.objects.filter(principal_groups__slug=slug, user__isnull=False)
    return frozenset(found.values_list("user_id", flat=True))


def owners_of(ref: EntityRef) -> frozenset[uuid.UUID]:
    """Return the people who own a resource or a group that it sits in."""
    found = ResourceOwner.objects.filter(
        Q(resource__type=ref.type, resource__key=ref.id)
        | Q(
            resource__members__type=ref.type,
            resource__members__key=ref.id,
        ),
        principal__user__isnull=False,
    )
    return frozenset(found.values_list("principal__user_id", flat=True))


def manager_of(user_id: uuid.UUID) -> uuid.UUID | None:
    """Return the person who is the manager of a person, if both are known."""
    row = Principal.objects.filter(user_id=user_id).select_related("manager").first()
    return row.manager.user_id if row and row.manager else None


def groups() -> QuerySet[PrincipalGroup]:
    """Return all groups of principals with their members."""
    members = Principal.objects.order_by("type", "key")
    return PrincipalGroup.objects.prefetch_related(
        Prefetch("members", members)
    ).order_by("slug")


def owners(resource_id: uuid.UUID) -> QuerySet[Principal]:
    """Return who answers for a resource by themselves, not through a group."""
    found = Principal.objects.filter(owned_links__resource_id=resource_id)
    return found.order_by("type", "key")


def resource_by_id(resource_id: uuid.UUID) -> Resource:
    """Return a resource or raise ResourceNotFoundError."""
    try:
        return resources().get(pk=resource_id)
    except Resource.DoesNotExist as error:
        raise ResourceNotFoundError from error


def assignment_by_id(assignment_id: uuid.UUID) -> Assignment:
    """Return an assignment or raise AssignmentNotFoundError."""
    try:
        return assignments().get(pk=assignment_id)
    except Assignment.DoesNotExist as error:
        raise AssignmentNotFoundError from error


def role_graph() -> dict[str, RoleNode]:
    """Return all roles as the rules see them."""
    return {
        role.slug: RoleNode(
            role.slug,
            role.tier,
            frozenset(permission_of(row) for row in role.permissions.all()),
            tuple(parent.slug for parent in role.parents.all()),
        )
        for role in roles()
    }


def role_graph_above(slugs: Collection[str]) -> dict[str, RoleNode]:
    """Return these roles, and all that they inherit from, as the rules see them."""
    links: dict[str, list[str]] = {}
    for child, parent in RoleParent.objects.order_by("parent__slug").values_list(
        "child__slug", "parent__slug"
    ):
        links.setdefault(child, []).append(parent)
    wanted, waiting = set[str](), list(slugs)
    while waiting:
        slug = waiting.pop()
        if slug not in wanted:
            wanted.add(slug)
            waiting += links.get(slug, ())
    held: dict[str, set[records.Permission]] = {}
    grants = RolePermission.objects.filter(role__slug__in=wanted).values_list(
        "role__slug", "permission__action", "permission__resource_type__name"
    )
    for slug, action, kind in grants:
        held.setdefault(slug, set()).add(records.Permission(action, kind))
    rows = Role.objects.filter(slug__in=wanted).values_list("slug", "tier")
    return {
        slug: RoleNode(
            slug, tier, frozenset(held.get(slug, ())), tuple(links.get(slug, ()))
        )
        for slug, tier in rows
    }


def catalogue_tiers() -> dict[records.Permission, str]:
    """Return the tier of every permission of the catalogue."""
    return {permission_of(row): row.tier for row in permissions()}


def instant(moment: dt.datetime | None) -> str | None:
    """Return an instant as records write it (RFC 3339, UTC, whole seconds)."""
    if moment is None:
        return None
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def permission_of(row: Permission) -> records.Permission:
    """Return an entry of the catalogue as records write it."""
    return records.Permission(row.action, row.resource_type.name)
