"""Remove what nothing refers to any more.

Assignments that were revoked or are over go along with what they were about: what they
said stands in the audit trail. What an elevation, a delegation or a review names stays.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models, transaction
from django.db.models import ProtectedError, Q
from django.utils import timezone

from apps.audit.events import Actor
from apps.roles import selectors
from apps.roles.errors import (
    AttributeNotFoundError,
    PrincipalGroupNotFoundError,
    StillUsedError,
)
from apps.roles.events import RolesAction
from apps.roles.models import (
    Assignment,
    AttributeDefinition,
    Permission,
    PrincipalGroup,
    ResourceType,
)
from apps.roles.services.trail import announce, lock_roles

_MOST_NAMED = 5


@transaction.atomic
def remove_role(*, actor: Actor, role_id: uuid.UUID) -> None:
    """Remove a role. Raises RoleNotFoundError and StillUsedError."""
    lock_roles()
    row = selectors.role_by_id(role_id)
    before = {"name": row.name, "tier": row.tier}
    _forget(Q(role=row))
    _delete(row, f"role “{row.slug}”")
    _announce(actor, RolesAction.ROLE_REMOVED, ("Role", row.slug), before)


@transaction.atomic
def remove_principal(*, actor: Actor, principal_id: uuid.UUID) -> None:
    """Remove a user or service. Raises PrincipalNotFoundError and StillUsedError."""
    lock_roles()
    row = selectors.principal_by_id(principal_id)
    _refuse_with(
        f"{row.type}::{row.key}",
        [
            *(f"group “{one.slug}”" for one in row.principal_groups.all()),
            *(f"owner of {one.resource}" for one in row.owned_links.all()),
        ],
    )
    before = {"name": row.name, "attributes": dict(row.attributes)}
    _forget(Q(principal=row) | Q(delegator=row))
    _delete(row, f"{row.type}::{row.key}")
    _announce(actor, RolesAction.PRINCIPAL_REMOVED, (row.type, row.key), before)


@transaction.atomic
def remove_resource(*, actor: Actor, resource_id: uuid.UUID) -> None:
    """Remove a resource or an empty group of them.

    Raises ResourceNotFoundError and StillUsedError.
    """
    lock_roles()
    row = selectors.resource_by_id(resource_id)
    before = {"name": row.name, "attributes": dict(row.attributes)}
    _forget(Q(scope=row))
    _delete(row, f"{row.type}::{row.key}")
    _announce(actor, RolesAction.RESOURCE_REMOVED, (row.type, row.key), before)


@transaction.atomic
def remove_group(*, actor: Actor, group_id: uuid.UUID) -> None:
    """Remove a group of principals; they stay.

    Raises PrincipalGroupNotFoundError and StillUsedError.
    """
    lock_roles()
    row = PrincipalGroup.objects.filter(pk=group_id).first()
    if row is None:
        raise PrincipalGroupNotFoundError
    members = [f"{one.type}::{one.key}" for one in row.members.order_by("type", "key")]
    before = {"name": row.name, "members": members}
    _delete(row, f"group “{row.slug}”")
    _announce(actor, RolesAction.GROUP_REMOVED, ("PrincipalGroup", row.slug), before)


@transaction.atomic
def remove_attribute(*, actor: Actor, entity_type: str, name: str) -> None:
    """Remove an attribute that nobody and nothing has.

    Raises AttributeNotFoundError and StillUsedError.
    """
    lock_roles()
    found = AttributeDefinition.objects.filter(entity_type=entity_type, name=name)
    row = found.first()
    if row is None:
        raise AttributeNotFoundError
    if selectors.attribute_values(entity_type, name):
        raise StillUsedError(f"Some {entity_type} has “{name}”.", field="name")
    before = {"type": row.type, "description": row.description}
    _delete(row, f"{entity_type}.{name}")
    target = ("AttributeDefinition", f"{entity_type}.{name}")
    _announce(actor, RolesAction.ATTRIBUTE_REMOVED, target, before)


@transaction.atomic
def remove_permission(*, actor: Actor, row: Permission) -> None:
    """Remove an action on a type of resource that no role holds.

    Raises StillUsedError.
    """
    lock_roles()
    before = {"tier": row.tier, "description": row.description}
    _delete(row, str(row))
    target = ("Permission", str(row))
    _announce(actor, RolesAction.PERMISSION_REMOVED, target, before)


@transaction.atomic
def remove_resource_type(*, actor: Actor, row: ResourceType) -> None:
    """Remove a type that has no actions, attributes or resources any more.

    Raises StillUsedError.
    """
    lock_roles()
    attributes = AttributeDefinition.objects.filter(entity_type=row.name)
    _refuse_with(
        row.name,
        [
            *(str(one) for one in attributes),
            *(str(one) for one in selectors.resources().filter(type=row.name)),
        ],
    )
    before = {"description": row.description}
    _delete(row, row.name)
    target = ("ResourceType", row.name)
    _announce(actor, RolesAction.RESOURCE_TYPE_REMOVED, target, before)


def _forget(about: Q) -> None:
    """Delete assignments that are no more; what names them keeps them."""
    over = Q(revoked_at__isnull=False) | Q(end__lte=timezone.now())
    _delete(Assignment.objects.filter(about, over), "the history of this")


def _delete(what: models.Model | models.QuerySet[Any], name: str) -> None:
    try:
        with transaction.atomic():
            what.delete()
    except ProtectedError as error:
        rows = sorted(error.protected_objects, key=str)
        named = {f"{type(row).__name__} “{row}”" for row in rows}
        _refuse_with(name, sorted(named))
        raise


def _refuse_with(name: str, uses: list[str]) -> None:
    """Raise StillUsedError that names what refers to it."""
    if not uses:
        return
    more = len(uses) - _MOST_NAMED
    told = "; ".join(uses[:_MOST_NAMED]) + (f"; {more} more" if more > 0 else "")
    raise StillUsedError(f"{name} is in use: {told}.")


def _announce(
    actor: Actor, action: RolesAction, target: tuple[str, str], before: dict[str, Any]
) -> None:
    announce(actor=actor, action=action, target=target, before=before, after=None)
