"""Keep roles apart, and excuse somebody for a time."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.audit.events import Actor
from apps.roles import rules, selectors
from apps.roles.choices import AssignmentSource, SeparationKind
from apps.roles.errors import (
    SeparationError,
    SeparationExceptionInvalidError,
    SeparationNotFoundError,
    SeparationUsedError,
    SlugFixedError,
    SlugTakenError,
    UnknownPrincipalError,
)
from apps.roles.events import RolesAction
from apps.roles.models import (
    Assignment,
    Principal,
    Role,
    SeparationException,
    SeparationSet,
    SeparationSetRole,
)
from apps.roles.rules import SeparationSpec
from apps.roles.services.trail import announce, lock_roles
from apps.tenants.services import require_tenant_id
from protocol.records import EntityRef


def require_separation(principal: Principal, role: str, now: dt.datetime) -> None:
    """Refuse a role that a static set keeps apart from what the principal holds.

    What is held later counts as well. Raises SeparationError.
    """
    sets = [
        one for one in selectors.separation_specs() if one.kind == SeparationKind.STATIC
    ]
    if sets:
        held = selectors.held_by(principal, now)
        _require(principal, role, sets, list(held), now)


def require_use_apart(row: Assignment, now: dt.datetime) -> None:
    """Refuse to let a temporary grant count together with what a dynamic set names.

    Only what counts at the same time and in the same place matters. A standing grant
    passes: the decision keeps its use apart. Raises SeparationError.
    """
    if row.source == AssignmentSource.STANDING:
        return
    sets = [
        one
        for one in selectors.separation_specs()
        if one.kind == SeparationKind.DYNAMIC
    ]
    if sets:
        period = (max(row.start or now, now), row.end)
        for held in selectors.used_with(row.principal, row.scope, period):
            _require(row.principal, row.role.slug, sets, held, now)


@transaction.atomic
def save_separation(
    *,
    actor: Actor,
    spec: SeparationSpec,
    owner: EntityRef,
    separation_id: uuid.UUID | None = None,
) -> SeparationSet:
    """Keep roles apart, or change the set that is named.

    Who holds too much already keeps it on paper: nodes no longer count it, and the
    page of violations names them. Raises an InvalidError that names the field,
    SlugTakenError and SeparationNotFoundError.
    """
    lock_roles()
    row = (
        selectors.separation_by_id(separation_id)
        if separation_id
        else SeparationSet(tenant_id=require_tenant_id())
    )
    if row.slug and row.slug != spec.slug:
        raise SlugFixedError(field="slug")
    if separation_id is None and SeparationSet.objects.filter(slug=spec.slug).exists():
        raise SlugTakenError(f"“{spec.slug}” is in use already.", field="slug")
    wanted = rules.check_set(spec, selectors.role_graph())
    before = (
        _state(selectors.separation_spec(row), row.owner) if separation_id else None
    )
    row.owner = _principal(owner, "owner")
    after = _state(wanted, row.owner)
    if before == after:
        return row
    row.slug, row.name, row.kind = wanted.slug, wanted.name, wanted.kind
    row.limit, row.is_active = wanted.limit, wanted.is_active
    row.save()
    _set_roles(row, wanted.roles)
    announce(
        actor=actor,
        action=RolesAction.SEPARATION_CHANGED
        if before
        else RolesAction.SEPARATION_CREATED,
        target=("SeparationSet", row.slug),
        before=before,
        after=after,
        urgent=True,
    )
    return selectors.separation_by_id(row.pk)


@transaction.atomic
def remove_separation(*, actor: Actor, separation_id: uuid.UUID) -> None:
    """Remove a set. Raises SeparationNotFoundError and SeparationUsedError."""
    lock_roles()
    row = selectors.separation_by_id(separation_id)
    if SeparationException.objects.filter(separation=row).exists():
        raise SeparationUsedError
    before = _state(selectors.separation_spec(row), row.owner)
    slug = row.slug
    row.delete()
    announce(
        actor=actor,
        action=RolesAction.SEPARATION_REMOVED,
        target=("SeparationSet", slug),
        before=before,
        after=None,
        urgent=True,
    )


@transaction.atomic
def grant_exception(  # what an exception consists of
    *,
    actor: Actor,
    separation_id: uuid.UUID,
    principal: EntityRef,
    owner: EntityRef,
    reason: str,
    until: dt.datetime,
) -> SeparationException:
    """Excuse a principal from a set until an instant; an earlier exception ends.

    Raises SeparationExceptionInvalidError, UnknownPrincipalError and
    SeparationNotFoundError.
    """
    lock_roles()
    now = timezone.now()
    separation = selectors.separation_by_id(separation_id)
    row = SeparationException(
        tenant_id=require_tenant_id(),
        separation=separation,
        principal=_principal(principal, "principal"),
        owner=_principal(owner, "owner"),
        reason=reason.strip(),
        until=until,
    )
    _check_exception(row, actor, now)
    earlier = SeparationException.objects.filter(
        separation=separation, principal=row.principal, ended_at__isnull=True
    )
    earlier.update(ended_at=now)
    row.save(force_insert=True)
    announce(
        actor=actor,
        action=RolesAction.EXCEPTION_GRANTED,
        target=("SeparationSet", separation.slug),
        before=None,
        after=_exception_state(row),
    )
    return row


@transaction.atomic
def end_exception(*, actor: Actor, exception_id: uuid.UUID) -> SeparationException:
    """End an exception now. Raises SeparationNotFoundError, also when it has ended."""
    row = (
        SeparationException.objects.select_for_update(of=("self",))
        .select_related("separation", "principal", "owner")
        .filter(pk=exception_id, ended_at__isnull=True)
        .first()
    )
    if row is None:
        raise SeparationNotFoundError
    row.ended_at = timezone.now()
    row.save(update_fields=["ended_at", "updated_at"])
    announce(
        actor=actor,
        action=RolesAction.EXCEPTION_ENDED,
        target=("SeparationSet", row.separation.slug),
        before=_exception_state(row),
        after=None,
        urgent=True,
    )
    return row


def _require(
    principal: Principal,
    role: str,
    sets: list[SeparationSpec],
    held: list[Assignment],
    now: dt.datetime,
) -> None:
    refusal = rules.check_separation(
        [row.role.slug for row in held],
        role,
        sets,
        selectors.waivers_of(principal, now),
        now,
        selectors.role_graph(),
    )
    if refusal is not None:
        raise SeparationError(refusal.reason, field="role")


def _check_exception(row: SeparationException, actor: Actor, now: dt.datetime) -> None:
    if not row.reason:
        raise SeparationExceptionInvalidError("Say why.", field="reason")
    if row.until <= now:
        raise SeparationExceptionInvalidError("This is over already.", field="until")
    if row.owner == row.principal:
        raise SeparationExceptionInvalidError(
            "Nobody answers for their own exception.", field="owner"
        )
    if row.principal.user_id is not None and str(row.principal.user_id) == actor.id:
        raise SeparationExceptionInvalidError(
            "Nobody excuses themselves.",
            field="principal",
            remedy="Ask another security admin.",
        )


def _principal(ref: EntityRef, field: str) -> Principal:
    row = Principal.objects.filter(type=ref.type, key=ref.id).first()
    if row is None:
        raise UnknownPrincipalError(f"There is no {ref}.", field=field)
    return row


def _set_roles(row: SeparationSet, slugs: tuple[str, ...]) -> None:
    links = SeparationSetRole.objects.filter(separation=row)
    links.exclude(role__slug__in=slugs).delete()
    held = set(links.values_list("role__slug", flat=True))
    SeparationSetRole.objects.bulk_create(
        SeparationSetRole(tenant_id=row.tenant_id, separation=row, role=role)
        for role in Role.objects.filter(slug__in=set(slugs) - held).order_by("slug")
    )


def _state(spec: SeparationSpec, owner: Principal) -> dict[str, Any]:
    return {
        "name": spec.name,
        "kind": spec.kind,
        "roles": list(spec.roles),
        "limit": spec.limit,
        "is_active": spec.is_active,
        "owner": f"{owner.type}::{owner.key}",
    }


def _exception_state(row: SeparationException) -> dict[str, Any]:
    return {
        "principal": f"{row.principal.type}::{row.principal.key}",
        "owner": f"{row.owner.type}::{row.owner.key}",
        "reason": row.reason,
        "until": selectors.instant(row.until),
    }
