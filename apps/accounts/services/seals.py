"""Seal an account for emergencies, open it for a while, and close it again.

The right ends by time, at each question, whoever is there to close it or not.
"""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.utils import timezone

from apps.accounts.choices import TenantRole
from apps.accounts.errors import NotAMemberError, SealedAccountError
from apps.accounts.events import AccountsAction
from apps.accounts.models import (
    ApiToken,
    CodeDevice,
    EnrollmentLink,
    Membership,
    User,
)
from apps.accounts.selectors import (
    memberships,
    unused_recovery_codes,
    usable_passkeys,
)
from apps.accounts.services.trail import record
from apps.audit.events import Actor
from apps.tenants.services import require_tenant_id

ROLES = (TenantRole.APPROVER.value, TenantRole.SECURITY_ADMIN.value)


@transaction.atomic
def seal_membership(*, actor: Actor, user: User) -> Membership:
    """Make a member of the open tenant its break-glass account.

    It must belong to nobody's ordinary day: one tenant, passkeys that stay on their
    device, and nothing else to sign in with. Raises NotAMemberError and
    SealedAccountError, which says what is in the way.
    """
    membership = _locked(user)
    if found := _obstacle(user):
        raise SealedAccountError(found, remedy="Mend that, then seal it.")
    EnrollmentLink.objects.filter(
        user=user, used_at__isnull=True, revoked_at__isnull=True
    ).update(revoked_at=timezone.now())
    before = list(membership.roles)
    membership.is_sealed, membership.open_until = True, None
    membership.roles = sorted(ROLES)
    membership.save(update_fields=["is_sealed", "open_until", "roles", "updated_at"])
    record(
        actor=actor,
        action=AccountsAction.ACCOUNT_SEALED,
        user=user,
        before={"roles": before},
        after={"roles": membership.roles},
    )
    return membership


@transaction.atomic
def open_sealed(*, user: User, until: dt.datetime | None) -> None:
    """Let the roles of a sealed account count until a moment, or not any more."""
    membership = _locked(user)
    if not membership.is_sealed:
        raise SealedAccountError("This account is not sealed.")
    membership.open_until = until
    membership.save(update_fields=["open_until", "updated_at"])


@transaction.atomic
def unseal_membership(*, actor: Actor, user: User) -> None:
    """Make a break-glass account an auditor like others."""
    membership = _locked(user)
    membership.is_sealed, membership.open_until = False, None
    membership.roles = [TenantRole.AUDITOR.value]
    membership.save(update_fields=["is_sealed", "open_until", "roles", "updated_at"])
    record(
        actor=actor,
        action=AccountsAction.ACCOUNT_UNSEALED,
        user=user,
        after={"roles": membership.roles},
    )


def _obstacle(user: User) -> str:
    """Return why an account cannot be sealed, or nothing."""
    keys = list(usable_passkeys(user))
    if {row.tenant_id for row in memberships(user)} != {require_tenant_id()}:
        return "The account belongs to another tenant too."
    if not keys:
        return "The account has no passkey."
    if any(key.is_backup_eligible or key.is_backed_up for key in keys):
        return "A passkey of the account is synced; use a hardware key."
    if (
        user.has_usable_password()
        or CodeDevice.objects.filter(user=user, confirmed=True).exists()
        or unused_recovery_codes(user).exists()
    ):
        return "The account has a password, authenticator or recovery codes."
    if ApiToken.objects.filter(user=user, revoked_at__isnull=True).exists():
        return "The account has an API token."
    return ""


def _locked(user: User) -> Membership:
    membership = Membership.objects.select_for_update().filter(user=user).first()
    if membership is None:
        raise NotAMemberError
    return membership
