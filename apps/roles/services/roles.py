"""Create and change roles."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction

from apps.audit.events import Actor
from apps.roles import rules, selectors
from apps.roles.errors import SlugFixedError, SlugTakenError
from apps.roles.events import RolesAction
from apps.roles.models import Permission, Role, RoleParent, RolePermission
from apps.roles.rules import RoleSpec
from apps.roles.services.guards import refuse_growth
from apps.roles.services.trail import announce, lock_roles
from apps.tenants.services import require_tenant_id
from protocol import records


@transaction.atomic
def save_role(
    *, actor: Actor, spec: RoleSpec, role_id: uuid.UUID | None = None
) -> Role:
    """Create a role, or change the one that is named.

    Raises an InvalidError that names the field, SlugTakenError, RoleNotFoundError.
    """
    lock_roles()
    role = (
        selectors.role_by_id(role_id)
        if role_id
        else Role(tenant_id=require_tenant_id())
    )
    graph = selectors.role_graph()
    if role_id is None and spec.slug in graph:
        raise SlugTakenError(f"“{spec.slug}” is in use already.", field="slug")
    if role.slug and role.slug != spec.slug:
        raise SlugFixedError(field="slug")
    wanted = rules.check_role(spec, graph, selectors.catalogue_tiers())
    becoming = rules.with_role(graph, wanted)
    rules.check_no_role_breaks(selectors.separation_specs(), becoming)
    before = _state(role) if role_id else None
    after = _wanted_state(wanted)
    if before == after:
        return role
    refuse_growth(actor, graph, becoming)
    role.slug, role.name, role.tier = wanted.slug, wanted.name, wanted.tier
    role.description = wanted.description
    role.save()
    _set_permissions(role, wanted)
    _set_parents(role, wanted)
    announce(
        actor=actor,
        action=RolesAction.ROLE_CHANGED if before else RolesAction.ROLE_CREATED,
        target=("Role", role.slug),
        before=before,
        after=after,
    )
    return role


def _set_permissions(role: Role, wanted: RoleSpec) -> None:
    rows = {
        records.Permission(row.action, row.resource_type.name): row
        for row in selectors.permissions()
    }
    keep = {rows[permission].pk for permission in wanted.permissions}
    RolePermission.objects.filter(role=role).exclude(permission__in=keep).delete()
    held = set(
        RolePermission.objects.filter(role=role).values_list("permission_id", flat=True)
    )
    RolePermission.objects.bulk_create(
        RolePermission(tenant_id=role.tenant_id, role=role, permission_id=pk)
        for pk in sorted(keep - held)
    )


def _set_parents(role: Role, wanted: RoleSpec) -> None:
    RoleParent.objects.filter(child=role).exclude(
        parent__slug__in=wanted.parents
    ).delete()
    held = set(
        RoleParent.objects.filter(child=role).values_list("parent__slug", flat=True)
    )
    parents = Role.objects.filter(slug__in=set(wanted.parents) - held).order_by("slug")
    RoleParent.objects.bulk_create(
        RoleParent(tenant_id=role.tenant_id, child=role, parent=parent)
        for parent in parents
    )


def _state(role: Role) -> dict[str, Any]:
    return {
        "name": role.name,
        "description": role.description,
        "tier": role.tier,
        "permissions": sorted(_text(row) for row in role.permissions.all()),
        "parents": sorted(parent.slug for parent in role.parents.all()),
    }


def _wanted_state(spec: RoleSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "description": spec.description,
        "tier": spec.tier,
        "permissions": sorted(
            f"{permission.action} on {permission.resource_type}"
            for permission in spec.permissions
        ),
        "parents": sorted(spec.parents),
    }


def _text(row: Permission) -> str:
    return f"{row.action} on {row.resource_type.name}"
