"""Seal accounts, break the glass, end it, and close the review.

Nothing here needs a worker, a broker, an identity provider or a second approver: the
right begins with a row and ends by time. Only the e-mail goes through the outbox.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts import services as people
from apps.accounts.choices import TenantRole
from apps.accounts.errors import RoleRequiredError
from apps.accounts.models import Membership, User
from apps.accounts.selectors import roles_in_scope
from apps.audit import services as audit
from apps.audit.events import Actor
from apps.breakglass import rules, selectors
from apps.breakglass.choices import AccountState
from apps.breakglass.errors import (
    AccountNotFoundError,
    GlassInvalidError,
    GlassStateError,
    OwnActivationError,
)
from apps.breakglass.events import BreakGlassAction, Topic
from apps.breakglass.models import Activation, BreakGlassAccount, Notice
from apps.outbox.services import enqueue
from apps.signin import services as sessions
from apps.signin.models import PendingOperation
from apps.signin.selectors import live_sign_ins_of
from apps.tenants.services import require_tenant_id


@transaction.atomic
def seal(*, actor: Actor, user: User) -> BreakGlassAccount:
    """Make a member a break-glass account, or seal one again after a late review.

    Nobody seals themselves. Raises GlassInvalidError, GlassStateError,
    OwnActivationError, RoleRequiredError and SealedAccountError.
    """
    if actor.id == str(user.pk):
        raise GlassInvalidError("Somebody else has to seal your account.", field="user")
    _require_ordinary_admin(actor)
    _require_sealable(user)
    people.seal_membership(actor=actor, user=user)
    sessions.end_sessions(actor=actor, user=user)
    account, _is_new = BreakGlassAccount.objects.update_or_create(
        tenant_id=require_tenant_id(),
        user=user,
        defaults={
            "sealed_at": timezone.now(),
            "sealed_by": actor.name,
            "retired_at": None,
        },
    )
    return account


@transaction.atomic
def retire(*, actor: Actor, account_id: uuid.UUID) -> None:
    """Let an account be a break-glass account no more.

    Raises AccountNotFoundError, OwnActivationError, RoleRequiredError, and
    GlassStateError while it is open or under review.
    """
    _require_ordinary_admin(actor)
    account = _locked(account_id)
    if selectors.state_of(account) is not AccountState.SEALED:
        raise GlassStateError("Only an account that is sealed can be retired.")
    people.unseal_membership(actor=actor, user=account.user)
    sessions.end_sessions(actor=actor, user=account.user)
    account.retired_at = timezone.now()
    account.save(update_fields=["retired_at"])


@transaction.atomic
def break_glass(
    *,
    actor: Actor,
    user: User,
    reason: str,
    minutes: int,
    sign_in_id: uuid.UUID,
    proof_id: uuid.UUID,
) -> Activation:
    """Open a sealed account for a while, and tell every security admin.

    The caller has verified the passkey's signature over reason and minutes. Raises
    GlassInvalidError, AccountNotFoundError and GlassStateError.
    """
    reason = reason.strip()
    if len(reason) < rules.SHORTEST_REASON:
        raise GlassInvalidError(
            "Say in a sentence what happened.",
            field="reason",
            remedy=f"Use at least {rules.SHORTEST_REASON} characters.",
        )
    if minutes not in rules.DURATIONS_MINUTES:
        raise GlassInvalidError("Choose 15, 30 or 60 minutes.", field="minutes")
    account = _locked_of(user)
    state = selectors.state_of(account)
    if not rules.may_open(state):
        raise GlassStateError(f"The account is {state.value}; it cannot be opened.")
    now = timezone.now()
    ends_at = now + dt.timedelta(minutes=minutes)
    activation = Activation.objects.create(
        tenant_id=account.tenant_id,
        account=account,
        reason=reason[:500],
        is_drill=rules.is_drill(account.drill_announced_at, now),
        opened_at=now,
        ends_at=ends_at,
        sign_in_id=sign_in_id,
        proof_id=proof_id,
        evidence=_evidence(proof_id),
    )
    people.open_sealed(user=user, until=ends_at)
    for row in live_sign_ins_of(user):
        sessions.limit_session(sign_in_id=row.pk, until=ends_at)
    _tell(activation)
    _audit(actor, BreakGlassAction.OPENED, activation)
    return activation


@transaction.atomic
def end_activation(*, actor: Actor, activation_id: uuid.UUID) -> None:
    """End a running activation before its time; its sessions are over."""
    activation = (
        Activation.objects.select_for_update(of=("self",))
        .select_related("account__user")
        .filter(pk=activation_id, ended_at__isnull=True)
        .first()
    )
    if activation is None:
        raise GlassStateError("It has ended already.")
    activation.ended_at, activation.ended_by = timezone.now(), actor.name
    activation.save(update_fields=["ended_at", "ended_by"])
    people.open_sealed(user=activation.account.user, until=None)
    sessions.end_sessions(actor=actor, user=activation.account.user)
    _audit(actor, BreakGlassAction.ENDED, activation)


@transaction.atomic
def close_review(*, actor: Actor, activation_id: uuid.UUID, findings: str) -> None:
    """Write down what the use was. Another security admin does.

    In time, the account is sealed again by it; later it stays locked until somebody
    seals it. Raises GlassInvalidError, GlassStateError, OwnActivationError and
    RoleRequiredError.
    """
    _require_ordinary_admin(actor)
    findings = findings.strip()
    if len(findings) < rules.SHORTEST_FINDINGS:
        raise GlassInvalidError(
            "Say what was done with the account, and what follows from it.",
            field="findings",
            remedy=f"Use at least {rules.SHORTEST_FINDINGS} characters.",
        )
    activation = (
        Activation.objects.select_for_update(of=("self",))
        .select_related("account__user")
        .filter(pk=activation_id, closed_at__isnull=True)
        .first()
    )
    now = timezone.now()
    if activation is None or rules.end_of(activation.facts()) > now:
        raise GlassStateError("There is nothing to review: it runs, or it is closed.")
    if actor.id == str(activation.account.user_id):
        raise OwnActivationError
    activation.closed_at, activation.closed_by = now, actor.name
    activation.findings = findings[:4000]
    activation.save(update_fields=["closed_at", "closed_by", "findings"])
    if activation.is_drill:
        account = activation.account
        account.drilled_at, account.drill_announced_at = now, None
        account.save(update_fields=["drilled_at", "drill_announced_at"])
    _audit(actor, BreakGlassAction.REVIEWED, activation)


@transaction.atomic
def announce_drill(*, actor: Actor, account_id: uuid.UUID) -> BreakGlassAccount:
    """Let the next use of an account count as a drill."""
    account = _locked(account_id)
    account.drill_announced_at = timezone.now()
    account.save(update_fields=["drill_announced_at"])
    audit.append(
        actor=actor,
        action=BreakGlassAction.DRILL_ANNOUNCED,
        target_type="BreakGlassAccount",
        target_id=account.user.username,
    )
    return account


@transaction.atomic
def record_drill(
    *, actor: Actor, account_id: uuid.UUID, seconds: dict[str, int]
) -> None:
    """Write down how long each step of a drill took, in seconds."""
    account = _locked(account_id)
    audit.append(
        actor=actor,
        action=BreakGlassAction.DRILL_DONE,
        target_type="BreakGlassAccount",
        target_id=account.user.username,
        after=seconds,
    )


@transaction.atomic
def call_drill_off(
    *, actor: Actor, account_id: uuid.UUID, step: str, seconds: dict[str, int]
) -> None:
    """Write down at which step a drill stopped; the next use is an emergency again."""
    account = _locked(account_id)
    account.drill_announced_at = None
    account.save(update_fields=["drill_announced_at"])
    audit.append(
        actor=actor,
        action=BreakGlassAction.DRILL_FAILED,
        target_type="BreakGlassAccount",
        target_id=account.user.username,
        after={"step": step, "seconds": seconds},
    )


@transaction.atomic
def acknowledge(*, user: User, notice_id: uuid.UUID) -> None:
    """Note that a security admin has read a notice of theirs."""
    Notice.objects.filter(pk=notice_id, user=user, acknowledged_at__isnull=True).update(
        acknowledged_at=timezone.now()
    )


def _require_ordinary_admin(actor: Actor) -> None:
    """Ask for a security admin with an account of their own.

    Two break-glass accounts in one hand could otherwise vouch for each other.
    """
    row = (
        Membership.objects.select_related("user").filter(user_id=actor.id).first()
        if actor.kind == "user"
        else None
    )
    if row is not None and row.is_sealed:
        raise OwnActivationError("A break-glass account does not vouch for another.")
    if row is None or TenantRole.SECURITY_ADMIN not in roles_in_scope(row.user):
        raise RoleRequiredError("Only a security admin of this tenant may do this.")


def _require_sealable(user: User) -> None:
    account = (
        BreakGlassAccount.objects.select_for_update(of=("self",))
        .filter(user_id=user.pk)
        .first()
    )
    if account is None:
        return
    if not selectors.may_seal_again(account):
        raise GlassStateError("This account cannot be sealed now.")


def _evidence(proof_id: uuid.UUID) -> dict[str, Any]:
    """Return all that proves the opening, also when the operation is swept."""
    row = PendingOperation.objects.filter(pk=proof_id).first()
    if row is None:
        return {}
    return {
        "operation": row.operation,
        "method": row.method,
        "path": row.path,
        "body_digest": row.body_digest,
        "who": str(row.user_id),
        "id": str(row.pk),
        "assertion": row.evidence,
    }


def _tell(activation: Activation) -> None:
    Notice.objects.bulk_create(
        Notice(tenant_id=activation.tenant_id, activation=activation, user=admin)
        for admin in selectors.security_admins()
    )
    enqueue(topic=Topic.OPENED, payload={"activation": str(activation.pk)})


def _locked(account_id: uuid.UUID) -> BreakGlassAccount:
    account = (
        BreakGlassAccount.objects.select_for_update(of=("self",))
        .select_related("user")
        .filter(pk=account_id, retired_at__isnull=True)
        .first()
    )
    if account is None:
        raise AccountNotFoundError
    return account


def _locked_of(user: User) -> BreakGlassAccount:
    found = selectors.account_of(user)
    if found is None:
        raise AccountNotFoundError
    return _locked(found.pk)


def _audit(actor: Actor, action: BreakGlassAction, activation: Activation) -> None:
    audit.append(
        actor=actor,
        action=action,
        target_type="BreakGlassAccount",
        target_id=activation.account.user.username,
        after={
            "activation": str(activation.pk),
            "reason": activation.reason,
            "ends_at": activation.ends_at.isoformat(),
            "drill": activation.is_drill,
            "proof": str(activation.proof_id),
            "findings": activation.findings,
        },
    )
