"""Questions about people, their memberships and passkeys."""

from __future__ import annotations

import datetime as dt
import uuid

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from apps.accounts import rules
from apps.accounts.errors import UserNotFoundError
from apps.accounts.models import (
    ApiToken,
    CodeDevice,
    Freeze,
    Membership,
    Passkey,
    RecoveryCode,
    RefusedSignIn,
    SignInPolicy,
    User,
)
from apps.accounts.rules import SignInRules
from apps.tenants.models import Tenant
from apps.tenants.services import current_tenant_id, tenant_scope, user_rows


def user_by_username(username: str) -> User:
    """Return the person with this user name or raise UserNotFoundError."""
    try:
        return User.objects.get(username=username)
    except User.DoesNotExist as error:
        raise UserNotFoundError(f"There is no person “{username}”.") from error


def memberships(user: User) -> list[Membership]:
    """Return a person's memberships in all tenants, by the tenants' short names."""
    with user_rows(user.pk):
        return list(
            Membership.objects.filter(user=user)
            .select_related("tenant")
            .order_by("tenant__slug")
        )


def tenants_of(user: User) -> list[Tenant]:
    """Return the tenants that a person belongs to."""
    return [membership.tenant for membership in memberships(user)]


def membership_in(user: User, tenant_id: uuid.UUID) -> Membership | None:
    """Return a person's membership of one tenant, or None."""
    with user_rows(user.pk):
        return Membership.objects.filter(user=user, tenant_id=tenant_id).first()


def members() -> QuerySet[Membership]:
    """Return the members of the tenant whose scope is open."""
    return Membership.objects.select_related("user").order_by("user__username")


def usable_passkeys(user: User) -> QuerySet[Passkey]:
    """Return a person's passkeys that are not blocked."""
    return Passkey.objects.filter(user=user, confirmed=True).order_by("created_at")


def passkeys(user: User) -> QuerySet[Passkey]:
    """Return all of a person's passkeys."""
    return Passkey.objects.filter(user=user).order_by("created_at")


def roles_in_scope(user: User) -> tuple[str, ...]:
    """Return a person's roles in the tenant whose scope is open, read once for it."""
    tenant_id = current_tenant_id()
    if tenant_id is None:
        return ()
    cache: dict[uuid.UUID, tuple[str, ...]] = user.__dict__.setdefault(
        "_portward_roles", {}
    )
    if tenant_id not in cache:
        membership = Membership.objects.filter(
            user_id=user.pk, tenant_id=tenant_id
        ).first()
        # Who is frozen holds nothing, on whatever way they come.
        if membership is None or is_closed(membership) or active_freezes(user).exists():
            cache[tenant_id] = ()
        else:
            cache[tenant_id] = tuple(membership.roles)
    return cache[tenant_id]


def scopes_in_scope(user: User) -> frozenset[str]:
    """Return what a person's roles let a token of theirs do in the open tenant."""
    return rules.scopes_of(roles_in_scope(user))


def token_scopes(user: User) -> frozenset[str]:
    """Return what a token of a person may carry: by roles, or on single objects."""
    return scopes_in_scope(user) | user.object_scopes()


def active_freezes(
    user: User, *, sign_in_id: uuid.UUID | None = None
) -> QuerySet[Freeze]:
    """Return the freezes that keep a person from working in the open tenant.

    Those of the whole person, and of the session if one is named.
    """
    mine = Q(sign_in_id__isnull=True)
    if sign_in_id is not None:
        mine |= Q(sign_in_id=sign_in_id)
    return open_freezes().filter(mine, user_id=user.pk)


def open_freezes() -> QuerySet[Freeze]:
    """Return the freezes of the open tenant that still hold."""
    return Freeze.objects.filter(
        lifted_at__isnull=True, expires_at__gt=timezone.now()
    ).select_related("user")


def is_closed(membership: Membership) -> bool:
    """Say whether it is the place of a sealed account that is not open now."""
    if not membership.is_sealed:
        return False
    until = membership.open_until
    return until is None or until <= timezone.now()


def is_sealed(user: User) -> bool:
    """Say whether a person is a break-glass account in any tenant."""
    return any(membership.is_sealed for membership in memberships(user))


def code_devices(user: User) -> QuerySet[CodeDevice]:
    """Return a person's apps and tokens that have shown a right code once."""
    return CodeDevice.objects.filter(user=user, confirmed=True).order_by("created_at")


def unused_recovery_codes(user: User) -> QuerySet[RecoveryCode]:
    """Return the recovery codes that a person has left."""
    return RecoveryCode.objects.filter(user=user, used_at__isnull=True)


def accepted_codes(user: User) -> frozenset[str]:
    """Return the kinds of codes that any tenant of a person accepts.

    Each tenant asks again, with its own rules, when the person works in it.
    """
    return frozenset().union(*(rule.accepted for rule in rules_for(user)))


def sign_in_rules() -> SignInRules:
    """Return what the open tenant asks of sign-ins."""
    row = SignInPolicy.objects.first()
    if row is None:
        return SignInRules()
    return SignInRules(
        accepted=frozenset(row.accepted),
        attestation=row.attestation,
        aaguids=frozenset(row.aaguids),
        risk_step_up=row.risk_step_up,
        risk_block=row.risk_block,
    )


def rules_for(user: User) -> list[SignInRules]:
    """Return what each of a person's tenants asks of sign-ins."""
    found = []
    for tenant in tenants_of(user):
        with tenant_scope(tenant.pk):
            found.append(sign_in_rules())
    return found


def models_in_use() -> dict[str, int]:
    """Return how many passkeys of the tenant's members are of each model (AAGUID)."""
    members = Membership.objects.values("user_id")
    rows = Passkey.objects.filter(user_id__in=members, confirmed=True)
    return dict(
        rows.values_list("aaguid").annotate(number=Count("pk")).order_by("-number")
    )


def refused_sign_ins(user: User, *, since: dt.datetime) -> int:
    """Return how often a sign-in as this person was refused since a moment."""
    return RefusedSignIn.objects.filter(user_id=user.pk, at__gte=since).count()


def api_tokens(user: User) -> QuerySet[ApiToken]:
    """Return a person's tokens in the open tenant that still work."""
    return ApiToken.objects.filter(
        user=user, revoked_at__isnull=True, expires_at__gt=timezone.now()
    )
