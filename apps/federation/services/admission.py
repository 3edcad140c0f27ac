"""Decide who comes in by a provider's verified claims, and with which roles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.choices import TenantRole
from apps.accounts.errors import LastSecurityAdminError
from apps.accounts.models import User
from apps.accounts.services import actor_for, grant_membership, revoke_membership
from apps.audit import services as audit
from apps.audit.events import Actor
from apps.federation.choices import Purpose
from apps.federation.errors import (
    NoMembershipError,
    NotLinkedError,
    PersonInactiveError,
    SignInRefusedError,
)
from apps.federation.events import FederationAction
from apps.federation.models import FederatedLink, IdentityProvider
from apps.federation.rules.mapping import (
    Assurance,
    RoleChange,
    apply_roles,
    assurance,
    roles_from,
)
from apps.federation.selectors import link_of, mapped_elsewhere, roles_now
from apps.federation.services.attempts import Attempt
from apps.federation.services.links import link
from apps.tenants.services import tenant_scope

# What is kept of the last sign-in for the preview of a mapping; never tokens.
_NOT_KEPT = frozenset({"nonce", "at_hash", "c_hash", "s_hash"})
_LONGEST_CLAIMS = 16_000


@dataclass(frozen=True)
class Admission:
    """Who comes in, and how sure we are of it."""

    user: User
    assurance: Assurance


def admit(
    *,
    provider: IdentityProvider,
    attempt: Attempt,
    subject: str,
    claims: Mapping[str, Any],
) -> Admission:
    """Return the person that a provider's subject stands for, with their roles set.

    1. The subject is linked, now if a person asked for it and has proven themselves.
    2. The person is active.
    3. They belong to the provider's tenant, after the groups were applied.

    Raises NotLinkedError, PersonInactiveError, NoMembershipError and LinkTakenError.
    """
    # Not one transaction: what the groups took away stays taken although the person
    # is then refused.
    with tenant_scope(provider.tenant_id):
        row = _linked(provider, attempt, subject)
        if not row.user.is_active:
            raise PersonInactiveError
        _apply_groups(row, claims)
    with tenant_scope(provider.tenant_id):
        if roles_now(row.user, provider.tenant_id) is None:
            raise NoMembershipError
        row.last_used_at, row.last_claims = timezone.now(), _kept(claims)
        row.save(update_fields=["last_used_at", "last_claims"])
    now = int(timezone.now().timestamp())
    return Admission(row.user, assurance(provider.mapping(), claims, now=now))


@transaction.atomic
def note_refusal(
    *, provider: IdentityProvider, error: SignInRefusedError, subject: str = ""
) -> None:
    """Tell the tenant which check refused an answer of its provider."""
    with tenant_scope(provider.tenant_id):
        audit.append(
            actor=Actor.system("federation"),
            action=FederationAction.SIGN_IN_REFUSED,
            target_type="IdentityProvider",
            target_id=provider.slug,
            context={"code": error.code, "subject": subject},
        )


def _linked(
    provider: IdentityProvider, attempt: Attempt, subject: str
) -> FederatedLink:
    if attempt.purpose is not Purpose.SIGN_IN and attempt.user is not None:
        if roles_now(attempt.user, provider.tenant_id) is None:
            raise NoMembershipError
        return link(
            actor=actor_for(attempt.user),
            provider=provider,
            user=attempt.user,
            subject=subject,
            enrollment_link_id=attempt.enrollment_link_id,
        )
    row = link_of(provider, subject)
    if row is None:
        raise NotLinkedError
    return row


def _apply_groups(row: FederatedLink, claims: Mapping[str, Any]) -> None:
    """Give and take the roles that the provider's groups stand for, and no others."""
    mapping = row.provider.mapping()
    if not mapping.group_claim or not mapping.groups:
        return
    # Whoever signs in by two providers at once is judged once after the other.
    list(FederatedLink.objects.select_for_update().filter(user=row.user).order_by("pk"))
    others = mapped_elsewhere(row)
    current = roles_now(row.user, row.tenant_id)
    wanted = roles_from(mapping, claims)
    if current is None and not (row.left_by_mapping and wanted):
        # Somebody took the membership away by hand; groups do not undo that.
        return
    change = apply_roles(
        current=current or (),
        mapped_before=others.union(row.mapped_roles),
        wanted=others.union(wanted),
    )
    mapped = set(change.mapped) & set(wanted)
    if change.is_change(current or ()):
        written = _write_roles(row, change, before=current or [])
        # A role that was kept for lack of another admin still came by mapping.
        mapped |= set(written) - set(change.roles)
        change = RoleChange(written, change.mapped)
    row.mapped_roles = sorted(mapped)
    row.left_by_mapping = not change.roles
    row.save(update_fields=["mapped_roles", "left_by_mapping"])


def _write_roles(
    row: FederatedLink, change: RoleChange, *, before: list[str]
) -> tuple[str, ...]:
    actor = Actor.system("federation")
    roles, action = change.roles, FederationAction.ROLES_MAPPED
    try:
        with transaction.atomic():
            _set_roles(actor, row.user, roles)
    except LastSecurityAdminError:
        roles = tuple(sorted({*roles, TenantRole.SECURITY_ADMIN.value}))
        action = FederationAction.LAST_ADMIN_KEPT
        _set_roles(actor, row.user, roles)
    _audit(actor, action, row, before, roles)
    return roles


def _set_roles(actor: Actor, user: User, roles: tuple[str, ...]) -> None:
    if roles:
        grant_membership(actor=actor, user=user, roles=roles)
    else:
        revoke_membership(actor=actor, user=user)


def _audit(
    actor: Actor,
    action: FederationAction,
    row: FederatedLink,
    before: list[str],
    after: tuple[str, ...],
) -> None:
    audit.append(
        actor=actor,
        action=action,
        target_type="User",
        target_id=row.user.username,
        before={"roles": before},
        after={"roles": list(after)},
        context={"provider": row.provider.slug},
    )


def _kept(claims: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in claims.items() if name not in _NOT_KEPT}
    return kept if len(json.dumps(kept)) <= _LONGEST_CLAIMS else {}
