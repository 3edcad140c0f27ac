"""Delegate rights on objects, pass them on, and take them back."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.selectors import members
from apps.audit import services as audit
from apps.audit.events import Actor
from apps.roles import rules, selectors
from apps.roles.errors import (
    GrantBeyondError,
    GrantExistsError,
    GrantInvalidError,
    GrantNotFoundError,
    GrantToSelfError,
)
from apps.roles.events import RolesAction
from apps.roles.models import ObjectGrant, PrincipalGroup
from apps.roles.rules import GrantSpec
from apps.roles.services.trail import lock_roles
from apps.tenants.models import TenantModel
from apps.tenants.services import require_tenant_id


@transaction.atomic
def grant_object(*, actor: Actor, spec: GrantSpec) -> ObjectGrant:
    """Let a person or a group do something to an object, or to those that fit.

    A security admin delegates what they like; who holds a right that may be passed on
    gives a part of it, at most as long as they have it. Raises an InvalidError that
    names the field, GrantToSelfError, GrantBeyondError and GrantExistsError.
    """
    lock_roles()
    now = timezone.now()
    rules.check_grant(spec, now)
    model = selectors.grantable_model(spec.model)
    row = _row(actor, spec, model)
    _refuse_self(actor, row)
    row.parent = _authority(actor, spec, row)
    if row.parent is not None and spec.may_pass_on:
        raise GrantBeyondError(
            "What was passed on to you cannot be passed on again.", field="may_pass_on"
        )
    same = selectors.live_grants(now).filter(
        user=row.user,
        group=row.group,
        permission=row.permission,
        object_pk=row.object_pk,
    )
    if any(one.constraint == row.constraint for one in same):
        raise GrantExistsError(field="holder")
    row.save(force_insert=True)
    _record(actor, RolesAction.OBJECT_GRANTED, row, before=None, after=_state(row))
    return row


@transaction.atomic
def revoke_grant(*, actor: Actor, grant_id: uuid.UUID, reason: str) -> ObjectGrant:
    """End a grant now, and everything that was passed on from it.

    Raises GrantNotFoundError, also when it is over, GrantInvalidError, and
    GrantBeyondError for who may not.
    """
    lock_roles()
    now = timezone.now()
    row = (
        selectors.live_grants(now)
        .select_for_update(of=("self",))
        .filter(pk=grant_id)
        .first()
    )
    if row is None:
        raise GrantNotFoundError
    if not 0 < len(reason.strip()) <= rules.LONGEST_REASON:
        raise GrantInvalidError("Say why.", field="reason")
    if not may_revoke(actor, row):
        raise GrantBeyondError("Only who gave it, or a security admin, takes it back.")
    for one in [row, *row.passed_on.filter(revoked_at__isnull=True, until__gt=now)]:
        before = _state(one)
        one.revoked_at, one.revoked_by_name = now, actor.name
        one.revoked_reason = reason.strip()
        one.save(
            update_fields=[
                *("revoked_at", "revoked_by_name", "revoked_reason", "updated_at")
            ]
        )
        after = before | {"revoked": reason.strip()}
        _record(actor, RolesAction.OBJECT_GRANT_REVOKED, one, before, after)
    return row


def may_revoke(actor: Actor, row: ObjectGrant) -> bool:
    """Say whether an actor may end a grant: security admins, and who gave it."""
    user = person_of(actor)
    return (
        user is None
        or str(row.granted_by) == actor.id
        or selectors.acts_on_all(user, "change")
    )


def person_of(actor: Actor) -> User | None:
    """Return who acts in person, read anew; nobody for the system and commands."""
    return User.objects.get(pk=actor.id) if actor.kind == "user" else None


def _row(actor: Actor, spec: GrantSpec, model: type[TenantModel]) -> ObjectGrant:
    kind = ContentType.objects.get_for_model(model)
    name = model._meta.model_name  # noqa: SLF001  # Django's documented model API
    row = ObjectGrant(
        tenant_id=require_tenant_id(),
        user=_member(spec.user_id) if spec.user_id else None,
        group=_group(spec.group_id) if spec.group_id else None,
        content_type=kind,
        permission=Permission.objects.get(
            content_type=kind, codename=f"{spec.action}_{name}"
        ),
        object_pk=str(_object(spec.object_id, model).pk) if spec.object_id else None,
        constraint=spec.constraint,
        may_pass_on=spec.may_pass_on,
        until=spec.until,
        reason=spec.reason.strip(),
        granted_by=actor.id if actor.kind == "user" else None,
        granted_by_name=actor.name,
    )
    if spec.constraint is not None:
        rules.read_constraint(spec.constraint, selectors.scope_fields(model))
    return row


def _refuse_self(actor: Actor, row: ObjectGrant) -> None:
    if actor.kind != "user":
        return
    if str(row.user_id) == actor.id:
        raise GrantToSelfError(field="holder")
    if row.group and row.group.members.filter(user_id=actor.id).exists():
        raise GrantToSelfError("You are in this group.", field="holder")


def _authority(actor: Actor, spec: GrantSpec, row: ObjectGrant) -> ObjectGrant | None:
    """Return the grant that is passed on, or nothing for who may give anything."""
    user = person_of(actor)
    if user is None or selectors.acts_on_all(user, "add"):
        return None
    held = [
        one
        for one in selectors.held(user, timezone.now())
        if one.may_pass_on
        and one.model_name == row.model_name
        and spec.action in {one.action, *(["view"] if one.action == "change" else [])}
    ]
    target = row.content_object if spec.object_id else None
    # A constraint that is passed on counts only within its parent's.
    fit = [
        one
        for one in held
        if (selectors.covers(one, target) if target else not one.object_pk)
    ]
    if not fit:
        raise GrantBeyondError(field="constraint" if target is None else "object_id")
    longest = max(fit, key=lambda one: one.until)
    if spec.until > longest.until:
        raise GrantBeyondError(
            f"Your own right ends at {longest.until:%Y-%m-%d %H:%M} UTC.",
            field="until",
            remedy="Choose an end that is not later.",
        )
    return longest


def _member(user_id: uuid.UUID) -> User:
    found = members().filter(user_id=user_id, is_sealed=False).first()
    if found is None:
        raise GrantInvalidError("There is no such person here.", field="holder")
    return found.user


def _group(group_id: uuid.UUID) -> PrincipalGroup:
    found = PrincipalGroup.objects.filter(pk=group_id).first()
    if found is None:
        raise GrantInvalidError("There is no such group.", field="holder")
    return found


def _object(object_id: uuid.UUID, model: type[TenantModel]) -> models.Model:
    found = model._default_manager.filter(pk=object_id).first()  # noqa: SLF001  # Django's documented model API
    if found is None:
        raise GrantInvalidError("There is no such object.", field="object_id")
    return found


def _state(row: ObjectGrant) -> dict[str, Any]:
    return {
        "holder": f"user:{row.user.username}"
        if row.user
        else f"group:{row.group.slug}",  # type: ignore[union-attr]  # one of both
        "action": row.action,
        "model": row.model_name,
        "object": row.object_pk,
        "constraint": row.constraint,
        "may_pass_on": row.may_pass_on,
        "parent": str(row.parent_id) if row.parent_id else None,
        "until": selectors.instant(row.until),
        "reason": row.reason,
    }


def _record(
    actor: Actor,
    action: RolesAction,
    row: ObjectGrant,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> None:
    # Nodes know nothing of the portal's own rights: no release is due.
    audit.append(
        actor=actor,
        action=action,
        target_type="ObjectGrant",
        target_id=str(row.pk),
        before=before,
        after=after,
    )
