"""Groups of people, whom they report to, and what they answer for."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db import transaction

from apps.audit.events import Actor
from apps.roles import rules, selectors
from apps.roles.choices import PrincipalType
from apps.roles.errors import (
    ManagerInvalidError,
    PrincipalGroupNotFoundError,
    SlugFixedError,
    SlugTakenError,
    UnknownPrincipalError,
)
from apps.roles.events import RolesAction
from apps.roles.models import (
    Principal,
    PrincipalGroup,
    PrincipalGroupMember,
    Resource,
    ResourceOwner,
)
from apps.roles.rules import EntrySpec, GroupSpec
from apps.roles.services.guards import refuse_joining, refuse_owning
from apps.roles.services.registry import save_principal, save_resource
from apps.roles.services.trail import announce, lock_roles
from apps.tenants.services import require_tenant_id
from protocol.records import EntityRef


@transaction.atomic
def save_group(
    *, actor: Actor, spec: GroupSpec, group_id: uuid.UUID | None = None
) -> PrincipalGroup:
    """Create a group of principals, or change the one that is named.

    Raises an InvalidError that names the field, SlugTakenError and
    PrincipalGroupNotFoundError.
    """
    rules.check_slug(spec.slug)
    rules.check_name(spec.name)
    lock_roles()
    row = (
        PrincipalGroup.objects.filter(pk=group_id).first()
        if group_id
        else PrincipalGroup(tenant_id=require_tenant_id())
    )
    if row is None:
        raise PrincipalGroupNotFoundError
    if row.slug and row.slug != spec.slug:
        raise SlugFixedError(field="slug")
    same = PrincipalGroup.objects.filter(slug=spec.slug)
    if group_id is None and same.exists():
        raise SlugTakenError(f"“{spec.slug}” is in use already.", field="slug")
    members = _principals(spec.members, "members")
    held = list(row.members.all()) if group_id else []
    before = _group_state(row.name, held) if group_id else None
    after = _group_state(spec.name.strip(), members)
    if before == after:
        return row
    refuse_joining(actor, row, [one for one in members if one not in held])
    row.slug, row.name = spec.slug, spec.name.strip()
    row.save()
    _set_members(row, members)
    announce(
        actor=actor,
        action=RolesAction.GROUP_CHANGED if before else RolesAction.GROUP_CREATED,
        target=("PrincipalGroup", row.slug),
        before=before,
        after=after,
    )
    return row


@transaction.atomic
def set_owners(
    *, actor: Actor, resource_id: uuid.UUID, owners: Iterable[EntityRef]
) -> Resource:
    """Say who answers for a resource; owners of a group answer for all that lies in it.

    Raises ResourceNotFoundError and UnknownPrincipalError.
    """
    lock_roles()
    row = selectors.resource_by_id(resource_id)
    wanted = _principals(owners, "owners")
    held = list(Principal.objects.filter(owned_links__resource=row))
    before, after = _keys(held), _keys(wanted)
    if before == after:
        return row
    refuse_owning(actor, [one for one in wanted if one not in held])
    links = ResourceOwner.objects.filter(resource=row)
    links.exclude(principal__in=wanted).delete()
    ResourceOwner.objects.bulk_create(
        ResourceOwner(tenant_id=row.tenant_id, resource=row, principal=principal)
        for principal in wanted
        if principal not in held
    )
    announce(
        actor=actor,
        action=RolesAction.OWNERS_CHANGED,
        target=(row.type, row.key),
        before={"owners": before},
        after={"owners": after},
    )
    return row


@transaction.atomic
def set_manager(
    *, actor: Actor, principal_id: uuid.UUID, manager: EntityRef | None
) -> Principal:
    """Say to whom a person reports, or that they report to nobody.

    Raises PrincipalNotFoundError, UnknownPrincipalError, and ManagerInvalidError when
    somebody would report to themselves in the end.
    """
    lock_roles()
    row = selectors.principal_by_id(principal_id)
    wanted = _principals([manager], "manager")[0] if manager else None
    if row.manager_id == (wanted.pk if wanted else None):
        return row
    if wanted is not None:
        _check_manager(row, wanted)
    before = {"manager": _key(row.manager) if row.manager else None}
    row.manager = wanted
    row.save(update_fields=["manager", "updated_at"])
    announce(
        actor=actor,
        action=RolesAction.MANAGER_SET,
        target=(row.type, row.key),
        before=before,
        after={"manager": _key(wanted) if wanted else None},
    )
    return row


@transaction.atomic
def save_principal_with_manager(
    *,
    actor: Actor,
    spec: EntrySpec,
    manager: EntityRef | None,
    principal_id: uuid.UUID | None = None,
) -> Principal:
    """Do what save_principal and set_manager do, both or neither."""
    row = save_principal(actor=actor, spec=spec, principal_id=principal_id)
    return set_manager(actor=actor, principal_id=row.pk, manager=manager)


@transaction.atomic
def save_resource_with_owners(
    *,
    actor: Actor,
    spec: EntrySpec,
    owners: Iterable[EntityRef],
    resource_id: uuid.UUID | None = None,
) -> Resource:
    """Do what save_resource and set_owners do, both or neither."""
    row = save_resource(actor=actor, spec=spec, resource_id=resource_id)
    return set_owners(actor=actor, resource_id=row.pk, owners=owners)


def _check_manager(row: Principal, wanted: Principal) -> None:
    if wanted.type != PrincipalType.USER:
        raise ManagerInvalidError("A service manages nobody.", field="manager")
    pairs = Principal.objects.filter(manager__isnull=False)
    managers = dict(pairs.values_list("pk", "manager_id"))
    if rules.closes_circle(managers, row.pk, wanted.pk):
        raise ManagerInvalidError(
            f"{row} would report to themselves in the end.", field="manager"
        )


def _principals(refs: Iterable[EntityRef], field: str) -> list[Principal]:
    found = []
    for ref in sorted(set(refs)):
        row = Principal.objects.filter(type=ref.type, key=ref.id).first()
        if row is None:
            raise UnknownPrincipalError(f"There is no {ref}.", field=field)
        found.append(row)
    return found


def _set_members(row: PrincipalGroup, members: list[Principal]) -> None:
    links = PrincipalGroupMember.objects.filter(group=row)
    links.exclude(principal__in=members).delete()
    held = set(links.values_list("principal_id", flat=True))
    PrincipalGroupMember.objects.bulk_create(
        PrincipalGroupMember(tenant_id=row.tenant_id, group=row, principal=principal)
        for principal in members
        if principal.pk not in held
    )


def _group_state(name: str, members: Iterable[Principal]) -> dict[str, object]:
    return {"name": name, "members": _keys(members)}


def _keys(rows: Iterable[Principal]) -> list[str]:
    return sorted(_key(row) for row in rows)


def _key(row: Principal) -> str:
    return f"{row.type}::{row.key}"
