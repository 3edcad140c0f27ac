"""Define what exists to be permitted: types, actions on them, attributes.

Defining the same thing twice is no error and writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from apps.audit.events import Actor
from apps.roles import rules, selectors
from apps.roles.choices import AttributeSource, AttributeType
from apps.roles.errors import (
    AttributeTypeFixedError,
    AttributeValueError,
    AttributeValueInUseError,
    UnknownResourceTypeError,
)
from apps.roles.events import RolesAction
from apps.roles.models import AttributeDefinition, Permission, ResourceType
from apps.roles.rules import AttributeLimits
from apps.roles.services.trail import announce, lock_roles
from apps.tenants.services import require_tenant_id


@transaction.atomic
def define_resource_type(
    *, actor: Actor, name: str, description: str = ""
) -> ResourceType:
    """Add a resource type, or change its description.

    Raises NameInvalidError and NameReservedError.
    """
    rules.check_resource_type(name)
    lock_roles()
    row = ResourceType.objects.filter(name=name).first()
    if row is not None and row.description == description:
        return row
    before = {"description": row.description} if row else None
    row = row or ResourceType(tenant_id=require_tenant_id(), name=name)
    row.description = description
    row.save()
    announce(
        actor=actor,
        action=RolesAction.RESOURCE_TYPE_DEFINED,
        target=("ResourceType", name),
        before=before,
        after={"description": description},
    )
    return row


@transaction.atomic
def define_permission(
    *, actor: Actor, action: str, resource_type: str, tier: str, description: str = ""
) -> Permission:
    """Add an action on a resource type to the catalogue, or change its tier.

    Raises NameInvalidError, UnknownTierError and UnknownResourceTypeError.
    """
    rules.check_action(action)
    rules.check_tier(tier)
    lock_roles()
    kind = ResourceType.objects.filter(name=resource_type).first()
    if kind is None:
        raise UnknownResourceTypeError(
            f"There is no resource type “{resource_type}”.", field="resource_type"
        )
    row = Permission.objects.filter(action=action, resource_type=kind).first()
    after = {"tier": tier, "description": description}
    before = {"tier": row.tier, "description": row.description} if row else None
    if row is not None and before == after:
        return row
    row = row or Permission(
        tenant_id=require_tenant_id(), action=action, resource_type=kind
    )
    row.tier, row.description = tier, description
    row.save()
    announce(
        actor=actor,
        action=RolesAction.PERMISSION_DEFINED,
        target=("Permission", f"{action} on {resource_type}"),
        before=before,
        after=after,
    )
    return row


@transaction.atomic
def define_attribute(
    *,
    actor: Actor,
    entity_type: str,
    name: str,
    kind: str,
    description: str = "",
    limits: AttributeLimits | None = None,
) -> AttributeDefinition:
    """Add an attribute of a type of principal or resource, or change what it may be.

    Raises NameInvalidError, UnknownResourceTypeError, AttributeValueError,
    AttributeTypeFixedError and AttributeValueInUseError.
    """
    types = selectors.resource_types().values_list("name", flat=True)
    rules.check_attribute(entity_type, name, types)
    limits = limits or AttributeLimits()
    _check_attribute_choices(kind, limits.source)
    rules.check_values(kind, limits.values)
    lock_roles()
    row = AttributeDefinition.objects.filter(entity_type=entity_type, name=name).first()
    if row is not None and row.type != kind:
        raise AttributeTypeFixedError(field="type")
    after = {
        "type": kind,
        "description": description,
        "source": limits.source,
        "values": list(limits.values),
        "freshness": limits.freshness,
    }
    before = {field: getattr(row, field) for field in after} if row else None
    if row is not None and before == after:
        return row
    _check_values_in_use(entity_type, name, limits.values)
    row = row or AttributeDefinition(
        tenant_id=require_tenant_id(), entity_type=entity_type, name=name
    )
    for field, value in after.items():
        setattr(row, field, value)
    row.save()
    announce(
        actor=actor,
        action=RolesAction.ATTRIBUTE_DEFINED,
        target=("AttributeDefinition", f"{entity_type}.{name}"),
        before=before,
        after=after,
    )
    return row


def _check_attribute_choices(kind: str, source: str) -> None:
    if kind not in AttributeType.values:
        raise AttributeValueError(
            f"There is no attribute type “{kind}”.",
            field="type",
            remedy=f"Use one of {', '.join(AttributeType.values)}.",
        )
    if source not in AttributeSource.values:
        raise AttributeValueError(
            f"There is no source “{source}”.",
            field="source",
            remedy=f"Use one of {', '.join(AttributeSource.values)}.",
        )


def _check_values_in_use(entity_type: str, name: str, values: Sequence[str]) -> None:
    """Refuse to leave out a value that somebody or something has."""
    if not values:
        return
    for found in selectors.attribute_values(entity_type, name):
        if not rules.is_allowed(found, values):
            raise AttributeValueInUseError(
                f"“{found}” is in use as {entity_type}.{name}.", field="values"
            )
