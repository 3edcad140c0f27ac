"""Freeze people and sessions, take their appeals, and lift freezes."""

from __future__ import annotations

import datetime as dt
import uuid

from django.db import transaction
from django.utils import timezone

from apps.accounts.choices import TenantRole
from apps.accounts.errors import (
    FreezeInvalidError,
    FreezeNotFoundError,
    LastAdminFrozenError,
    NotAMemberError,
    OwnFreezeError,
)
from apps.accounts.events import AccountsAction
from apps.accounts.models import Freeze, Membership, User
from apps.accounts.selectors import open_freezes
from apps.audit import services as audit
from apps.audit.events import Actor
from apps.tenants.services import require_tenant_id

LONGEST = dt.timedelta(days=30)
# What a rule froze, a person decides about within the hour, or it ends.
LONGEST_AUTOMATIC = dt.timedelta(hours=1)


@transaction.atomic
def freeze(
    *,
    actor: Actor,
    user: User,
    reason: str,
    lifetime: dt.timedelta,
    instructions: str = "",
    sign_in_id: uuid.UUID | None = None,
    is_automatic: bool = False,
) -> Freeze:
    """Keep a member, or one session of theirs, from working in the open tenant.

    Raises FreezeInvalidError, NotAMemberError and LastAdminFrozenError.
    """
    longest = LONGEST_AUTOMATIC if is_automatic else LONGEST
    if not reason.strip():
        raise FreezeInvalidError("Say why; the person will read it.", field="reason")
    if not dt.timedelta(0) < lifetime <= longest:
        raise FreezeInvalidError(
            f"A freeze lasts up to {_words(longest)}.",
            field="hours",
            remedy="Choose a shorter time; it can be repeated.",
        )
    rows = list(Membership.objects.select_for_update().select_related("user"))
    if all(row.user_id != user.pk for row in rows):
        raise NotAMemberError(f"{user} is no member of this tenant.")
    if sign_in_id is None:
        _keep_a_working_admin(rows, frozen=user)
    made = Freeze.objects.create(
        tenant_id=require_tenant_id(),
        user=user,
        sign_in_id=sign_in_id,
        reason=reason.strip()[:500],
        instructions=instructions.strip()[:500],
        is_automatic=is_automatic,
        created_by_id=actor.id,
        created_by=actor.name,
        expires_at=timezone.now() + lifetime,
    )
    _audit(actor, AccountsAction.FROZEN, made)
    return made


@transaction.atomic
def appeal_freeze(*, actor: Actor, user: User, freeze_id: uuid.UUID, text: str) -> None:
    """Attach what the frozen person has to say, once.

    Raises FreezeInvalidError and FreezeNotFoundError.
    """
    if not text.strip():
        raise FreezeInvalidError("Write what the admins should know.", field="appeal")
    row = _locked(freeze_id)
    if row.user_id != user.pk:
        raise FreezeNotFoundError
    if row.appealed_at is not None:
        raise FreezeInvalidError("You have appealed already.", field="appeal")
    row.appeal, row.appealed_at = text.strip()[:2000], timezone.now()
    row.save(update_fields=["appeal", "appealed_at"])
    _audit(actor, AccountsAction.FREEZE_APPEALED, row)


@transaction.atomic
def lift_freeze(*, actor: Actor, freeze_id: uuid.UUID, reason: str) -> Freeze:
    """End a freeze before its time. Another person has to do it.

    Neither the frozen person nor who froze them may; the latter only if nobody else
    could. Raises FreezeInvalidError, FreezeNotFoundError and OwnFreezeError.
    """
    if not reason.strip():
        raise FreezeInvalidError("Say why it is lifted.", field="reason")
    rows = list(Membership.objects.select_for_update().select_related("user"))
    row = _locked(freeze_id)
    if str(row.user_id) == actor.id:
        raise OwnFreezeError
    others = _working_admins(rows) - {row.user_id}
    if row.created_by_id == actor.id and {str(pk) for pk in others} - {actor.id}:
        raise OwnFreezeError("You froze them; another security admin lifts it.")
    row.lifted_at, row.lifted_by = timezone.now(), actor.name
    row.lift_reason = reason.strip()[:500]
    row.save(update_fields=["lifted_at", "lifted_by", "lift_reason"])
    _audit(actor, AccountsAction.FREEZE_LIFTED, row)
    return row


def _locked(freeze_id: uuid.UUID) -> Freeze:
    row = open_freezes().select_for_update(of=("self",)).filter(pk=freeze_id).first()
    if row is None:
        raise FreezeNotFoundError
    return row


def _working_admins(rows: list[Membership]) -> set[uuid.UUID]:
    """Return the security admins of the tenant who are neither frozen nor off."""
    frozen = set(
        open_freezes().filter(sign_in_id__isnull=True).values_list("user_id", flat=True)
    )
    return {
        row.user_id
        for row in rows
        if TenantRole.SECURITY_ADMIN in row.roles
        and row.user.is_active
        and not row.is_sealed
    } - frozen


def _keep_a_working_admin(rows: list[Membership], *, frozen: User) -> None:
    working = _working_admins(rows)
    if frozen.pk in working and working == {frozen.pk}:
        raise LastAdminFrozenError


def _audit(actor: Actor, action: AccountsAction, row: Freeze) -> None:
    audit.append(
        actor=actor,
        action=action,
        target_type="User",
        target_id=row.user.username,
        after={
            "reason": row.reason,
            "until": row.expires_at.isoformat(),
            "session": str(row.sign_in_id or ""),
            "automatic": row.is_automatic,
        },
        context={"appeal": row.appeal, "lift_reason": row.lift_reason},
    )


def _words(span: dt.timedelta) -> str:
    return f"{span.days} days" if span.days else f"{span.seconds // 3600} hour"
