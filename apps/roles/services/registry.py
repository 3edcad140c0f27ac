"""Register principals and resources."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction

from apps.accounts.errors import NotAMemberError
from apps.accounts.selectors import members
from apps.audit.events import Actor
from apps.roles import rules, selectors
from apps.roles.choices import PrincipalType
from apps.roles.errors import (
    KeyFixedError,
    KeyTakenError,
    UnknownGroupError,
    UnknownPrincipalError,
    UnknownResourceTypeError,
)
from apps.roles.events import RolesAction
from apps.roles.models import (
    RESOURCE_GROUP,
    Principal,
    Resource,
    ResourceGroupMembership,
    ResourceType,
)
from apps.roles.rules import EntrySpec
from apps.roles.services.guards import refuse_linking, refuse_moving
from apps.roles.services.trail import announce, lock_roles
from apps.tenants.services import require_tenant_id


@transaction.atomic
def save_principal(
    *, actor: Actor, spec: EntrySpec, principal_id: uuid.UUID | None = None
) -> Principal:
    """Register a user or service, or change the one that is named.

    Raises an InvalidError that names the field, KeyTakenError, PrincipalNotFoundError.
    """
    if spec.ref.type not in PrincipalType.values:
        raise UnknownPrincipalError(
            f"“{spec.ref.type}” is not a type of principal.",
            field="type",
            remedy="Use User or Service.",
        )
    _check_entry(spec)
    lock_roles()
    row = (
        selectors.principal_by_id(principal_id)
        if principal_id
        else Principal(tenant_id=require_tenant_id())
    )
    _keep_key(row, spec)
    same = Principal.objects.filter(type=spec.ref.type, key=spec.ref.id)
    if principal_id is None and same.exists():
        raise KeyTakenError(f"{spec.ref} is registered already.", field="key")
    before = _state(row, ()) if principal_id else None
    _fill(row, spec)
    after = _state(row, ())
    if before == after:
        return row
    row.save()
    announce(
        actor=actor,
        action=RolesAction.PRINCIPAL_CHANGED
        if before
        else RolesAction.PRINCIPAL_REGISTERED,
        target=(row.type, row.key),
        before=before,
        after=after,
    )
    return row


@transaction.atomic
def link_person(
    *, actor: Actor, principal_id: uuid.UUID, user_id: uuid.UUID | None
) -> Principal:
    """Say which person signs in to the portal as a principal, or that nobody does.

    Raises NotAMemberError for who is no member, UnknownPrincipalError for a service,
    and KeyTakenError when the person is another principal already.
    """
    lock_roles()
    row = selectors.principal_by_id(principal_id)
    if row.user_id == user_id:
        return row
    if row.type != PrincipalType.USER:
        raise UnknownPrincipalError("A service does not sign in.", field="user")
    if user_id is not None and not members().filter(user_id=user_id).exists():
        raise NotAMemberError("This person is no member of the tenant.", field="user")
    if user_id is not None and selectors.principal_of_user(user_id) is not None:
        raise KeyTakenError("This person is another principal already.", field="user")
    refuse_linking(actor, row, user_id)
    before = {"user": str(row.user_id) if row.user_id else None}
    row.user_id = user_id
    row.save(update_fields=["user", "updated_at"])
    announce(
        actor=actor,
        action=RolesAction.PERSON_LINKED,
        target=(row.type, row.key),
        before=before,
        after={"user": str(user_id) if user_id else None},
    )
    return row


@transaction.atomic
def save_resource(
    *, actor: Actor, spec: EntrySpec, resource_id: uuid.UUID | None = None
) -> Resource:
    """Register a resource or resource group, or change the one that is named.

    Raises an InvalidError that names the field, KeyTakenError, ResourceNotFoundError.
    """
    _check_resource_type(spec)
    _check_entry(spec)
    lock_roles()
    row = (
        selectors.resource_by_id(resource_id)
        if resource_id
        else Resource(tenant_id=require_tenant_id())
    )
    _keep_key(row, spec)
    same = Resource.objects.filter(type=spec.ref.type, key=spec.ref.id)
    if resource_id is None and same.exists():
        raise KeyTakenError(f"{spec.ref} is registered already.", field="key")
    groups = _groups(spec)
    held = list(row.groups.all()) if resource_id else []
    before = _state(row, [one.key for one in held]) if resource_id else None
    _fill(row, spec)
    after = _state(row, [group.key for group in groups])
    if before == after:
        return row
    refuse_moving(actor, held, groups)
    row.save()
    _set_groups(row, groups)
    announce(
        actor=actor,
        action=RolesAction.RESOURCE_CHANGED
        if before
        else RolesAction.RESOURCE_REGISTERED,
        target=(row.type, row.key),
        before=before,
        after=after,
    )
    return row


def _check_entry(spec: EntrySpec) -> None:
    kind = spec.ref.type
    rules.check_entry(
        spec, selectors.attribute_types(kind), selectors.allowed_values(kind)
    )


def _check_resource_type(spec: EntrySpec) -> None:
    kind = spec.ref.type
    if kind == RESOURCE_GROUP:
        if spec.groups:
            raise UnknownGroupError(
                "A group cannot sit in a group.",
                field="groups",
                remedy="Put the resources themselves into both groups.",
            )
        return
    if not ResourceType.objects.filter(name=kind).exists():
        raise UnknownResourceTypeError(
            f"There is no resource type “{kind}”.", field="type"
        )


def _groups(spec: EntrySpec) -> list[Resource]:
    wanted = sorted(set(spec.groups))
    found = list(
        Resource.objects.filter(type=RESOURCE_GROUP, key__in=wanted).order_by("key")
    )
    unknown = sorted(set(wanted) - {group.key for group in found})
    if unknown:
        raise UnknownGroupError(
            f"There is no resource group “{unknown[0]}”.", field="groups"
        )
    return found


def _set_groups(row: Resource, groups: list[Resource]) -> None:
    links = ResourceGroupMembership.objects.filter(resource=row)
    links.exclude(group__in=groups).delete()
    held = set(links.values_list("group_id", flat=True))
    ResourceGroupMembership.objects.bulk_create(
        ResourceGroupMembership(tenant_id=row.tenant_id, resource=row, group=group)
        for group in groups
        if group.pk not in held
    )


def _keep_key(row: Principal | Resource, spec: EntrySpec) -> None:
    if row.key and (row.type, row.key) != (spec.ref.type, spec.ref.id):
        raise KeyFixedError(field="key")


def _fill(row: Principal | Resource, spec: EntrySpec) -> None:
    row.type, row.key, row.name = spec.ref.type, spec.ref.id, spec.name.strip()
    row.attributes = dict(spec.attributes)


def _state(
    row: Principal | Resource, groups: list[str] | tuple[str, ...]
) -> dict[str, Any]:
    state: dict[str, Any] = {"name": row.name, "attributes": dict(row.attributes)}
    if groups:
        state["groups"] = sorted(groups)
    return state
