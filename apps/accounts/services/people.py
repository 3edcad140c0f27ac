"""Create people and give them a place in a tenant."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction

from apps.accounts.choices import TenantRole
from apps.accounts.errors import (
    AlreadyAMemberError,
    LastSecurityAdminError,
    NotAMemberError,
    SealedAccountError,
    SharedPersonError,
    UnknownRoleError,
    UserInvalidError,
    UsernameTakenError,
)
from apps.accounts.events import AccountsAction
from apps.accounts.models import Membership, User
from apps.accounts.selectors import memberships
from apps.accounts.services.enrollment import issue_enrollment_link
from apps.accounts.services.guards import refuse_if_sealed
from apps.accounts.services.trail import record
from apps.audit.events import Actor
from apps.tenants.services import require_tenant_id


@transaction.atomic
def create_user(
    *,
    actor: Actor,
    username: str,
    display_name: str,
    email: str = "",
    is_demo: bool = False,
) -> User:
    """Create a person who can sign in with a passkey only.

    Raises UserInvalidError and UsernameTakenError.
    """
    user = User(
        username=username, display_name=display_name, email=email, is_demo=is_demo
    )
    user.set_unusable_password()
    try:
        user.clean_fields()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise UserInvalidError(messages[0], field=field) from error
    if User.objects.filter(username=username).exists():
        raise UsernameTakenError(field="username")
    user.save(force_insert=True)
    record(
        actor=actor,
        action=AccountsAction.USER_CREATED,
        user=user,
        after={"display_name": display_name, "is_demo": is_demo},
    )
    return user


@transaction.atomic
def grant_membership(*, actor: Actor, user: User, roles: Sequence[str]) -> Membership:
    """Give a person these roles, and no others, in the tenant whose scope is open.

    Raises UnknownRoleError and LastSecurityAdminError.
    """
    wanted = _valid_roles(roles)
    refuse_if_sealed(user)
    # Locking every row of the tenant keeps the last security admin from vanishing
    # in two transactions at once.
    rows = {row.user_id: row for row in Membership.objects.select_for_update()}
    membership = rows.get(user.pk)
    before = list(membership.roles) if membership else []
    if TenantRole.SECURITY_ADMIN not in wanted:
        _keep_a_security_admin(list(rows.values()), leaving=membership)
    if membership is None:
        membership = Membership(tenant_id=require_tenant_id(), user=user)
    if membership.is_sealed:
        raise SealedAccountError
    membership.roles = wanted
    membership.save()
    record(
        actor=actor,
        action=AccountsAction.MEMBERSHIP_CHANGED
        if before
        else AccountsAction.MEMBERSHIP_GRANTED,
        user=user,
        before={"roles": before} if before else None,
        after={"roles": wanted},
    )
    return membership


@transaction.atomic
def invite(
    *,
    actor: Actor,
    username: str,
    display_name: str,
    email: str,
    roles: Sequence[str],
) -> tuple[Membership, str]:
    """Add a person to the tenant; return the membership and an enrollment token.

    For somebody who exists already the token is empty, and name and address stay as
    they are: their account is not this tenant's to hand out. Raises as `create_user`
    and `grant_membership` do, and AlreadyAMemberError.
    """
    user = User.objects.filter(username=username).first()
    if user is None:
        user = create_user(
            actor=actor, username=username, display_name=display_name, email=email
        )
        membership = grant_membership(actor=actor, user=user, roles=roles)
        return membership, issue_enrollment_link(actor=actor, user=user)
    if Membership.objects.filter(user=user, tenant_id=require_tenant_id()).exists():
        raise AlreadyAMemberError(field="username")
    return grant_membership(actor=actor, user=user, roles=roles), ""


@transaction.atomic
def issue_member_link(*, actor: Actor, membership: Membership) -> str:
    """Return a new enrollment token for a member of the tenant whose scope is open.

    A link hands out the account in every tenant, so a tenant gives one only for people
    who belong to no other. Raises SharedPersonError; then `manage.py enroll` helps.
    """
    if {row.tenant_id for row in memberships(membership.user)} != {require_tenant_id()}:
        raise SharedPersonError
    return issue_enrollment_link(actor=actor, user=membership.user)


@transaction.atomic
def revoke_membership(*, actor: Actor, user: User) -> None:
    """Remove a person from the tenant whose scope is open.

    Raises NotAMemberError and LastSecurityAdminError.
    """
    rows = {row.user_id: row for row in Membership.objects.select_for_update()}
    membership = rows.get(user.pk)
    if membership is None:
        raise NotAMemberError
    _keep_a_security_admin(list(rows.values()), leaving=membership)
    before = list(membership.roles)
    membership.delete()
    record(
        actor=actor,
        action=AccountsAction.MEMBERSHIP_REVOKED,
        user=user,
        before={"roles": before},
    )


@transaction.atomic
def record_sign_out(*, actor: Actor, user: User) -> None:
    """Note that a person ended their session."""
    record(actor=actor, action=AccountsAction.SIGNED_OUT, user=user)


def _valid_roles(roles: Sequence[str]) -> list[str]:
    unknown = sorted(set(roles) - set(TenantRole.values))
    if unknown:
        raise UnknownRoleError(f"There is no role “{unknown[0]}”.", field="roles")
    if not roles:
        raise UnknownRoleError("Choose at least one role.", field="roles")
    return sorted(set(roles))


def _keep_a_security_admin(
    rows: Sequence[Membership], *, leaving: Membership | None
) -> None:
    # A sealed account administers nothing on an ordinary day.
    admins = [
        row
        for row in rows
        if TenantRole.SECURITY_ADMIN in row.roles and not row.is_sealed
    ]
    if leaving is not None and admins == [leaving]:
        raise LastSecurityAdminError
