"""Who belongs to a tenant, and what belonging allows."""

from __future__ import annotations

import datetime as dt
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from apps.accounts import checks, permissions, selectors, services
from apps.accounts.errors import (
    AlreadyAMemberError,
    EnrollmentLinkError,
    LastSecurityAdminError,
    NotAMemberError,
    RoleRequiredError,
    SharedPersonError,
    UnknownRoleError,
    UserInvalidError,
    UsernameTakenError,
)
from apps.accounts.models import EnrollmentLink, Membership, Passkey, User
from apps.audit.models import AuditEntry
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope, user_rows
from tests.factories.accounts import SYSTEM, MakeUser
from tests.factories.accounts import make_user as make

pytestmark = pytest.mark.django_db


def grant(user: User, tenant: Tenant, *roles: str) -> Membership:
    with tenant_scope(tenant.pk):
        return services.grant_membership(actor=SYSTEM, user=user, roles=roles)


def test_a_person_has_no_password(make_user: MakeUser) -> None:
    assert not make_user("alice").has_usable_password()


@pytest.mark.parametrize("username", ["", "Alice", "a b", "ä", "-x", "x" * 151])
def test_a_malformed_user_name_is_refused(username: str) -> None:
    with pytest.raises(UserInvalidError) as caught:
        services.create_user(actor=SYSTEM, username=username, display_name="A")
    assert caught.value.field == "username"
    assert not User.objects.exists()


def test_a_user_name_is_given_once(make_user: MakeUser) -> None:
    make_user("alice")
    with pytest.raises(UsernameTakenError):
        make_user("alice")


@pytest.mark.parametrize("roles", [[], ["root"], ["approver", "root"]])
def test_unknown_roles_are_refused(
    make_user: MakeUser, tenant: Tenant, roles: list[str]
) -> None:
    user = make_user("alice")
    with pytest.raises(UnknownRoleError):
        grant(user, tenant, *roles)


def test_the_database_refuses_unknown_roles_too(
    make_user: MakeUser, tenant: Tenant
) -> None:
    user = make_user("alice")
    with (
        pytest.raises(IntegrityError, match="known_roles"),
        tenant_scope(tenant.pk),
    ):
        Membership.objects.create(tenant=tenant, user=user, roles=["root"])


def test_a_change_of_roles_is_audited_with_before_and_after(
    make_user: MakeUser, tenant: Tenant
) -> None:
    user = make_user("alice", ["approver"])
    grant(user, tenant, "auditor")
    with tenant_scope(tenant.pk):
        entry = AuditEntry.objects.get(action="accounts.membership_changed")
        assert entry.before == {"roles": ["approver"]}
        assert entry.after == {"roles": ["auditor"]}


def test_a_tenant_keeps_its_last_security_admin(
    make_user: MakeUser, tenant: Tenant
) -> None:
    user = make_user("alice", ["security_admin"])
    with pytest.raises(LastSecurityAdminError):
        grant(user, tenant, "auditor")
    with pytest.raises(LastSecurityAdminError), tenant_scope(tenant.pk):
        services.revoke_membership(actor=SYSTEM, user=user)


def test_one_of_two_security_admins_may_go(make_user: MakeUser, tenant: Tenant) -> None:
    user = make_user("alice", ["security_admin"])
    make_user("bob", ["security_admin"])
    with tenant_scope(tenant.pk):
        services.revoke_membership(actor=SYSTEM, user=user)
    assert selectors.memberships(user) == []


def test_nobody_leaves_a_tenant_they_are_not_in(
    make_user: MakeUser, tenant: Tenant
) -> None:
    with pytest.raises(NotAMemberError), tenant_scope(tenant.pk):
        services.revoke_membership(actor=SYSTEM, user=make_user("alice"))


def test_members_of_another_tenant_are_invisible(
    make_user: MakeUser, tenant: Tenant, other_tenant: Tenant
) -> None:
    make_user("alice", ["approver"])
    grant(make("bob"), other_tenant, "approver")
    with tenant_scope(tenant.pk):
        assert [str(m.user.username) for m in selectors.members()] == ["alice"]


def test_a_person_reads_their_own_memberships_in_all_tenants(
    make_user: MakeUser, other_tenant: Tenant
) -> None:
    user = make_user("alice", ["approver"])
    grant(user, other_tenant, "auditor")
    make_user("bob", ["approver"])
    assert [m.tenant.slug for m in selectors.memberships(user)] == ["acme", "globex"]


def test_own_rows_cannot_be_written_without_the_tenants_scope(
    make_user: MakeUser,
) -> None:
    user = make_user("alice", ["auditor"])
    with user_rows(user.pk):
        assert Membership.objects.update(roles=["security_admin"]) == 0
    assert selectors.memberships(user)[0].roles == ["auditor"]


def test_a_membership_cannot_be_written_into_another_tenant(
    make_user: MakeUser, tenant: Tenant, other_tenant: Tenant
) -> None:
    user = make_user("alice")
    with (
        tenant_scope(tenant.pk),
        pytest.raises(ProgrammingError, match="row-level security"),
        transaction.atomic(),
    ):
        Membership.objects.create(tenant=other_tenant, user=user, roles=["auditor"])


def test_without_scope_the_table_is_empty_in_the_database_itself(
    make_user: MakeUser,
) -> None:
    make_user("alice", ["auditor"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accounts_membership")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("security_admin", {"view", "add", "change", "delete"}),
        ("approver", {"view", "vote"}),
        ("auditor", {"view"}),
    ],
)
def test_a_role_allows_just_its_actions(
    make_user: MakeUser, tenant: Tenant, role: str, allowed: set[str]
) -> None:
    user = make_user("alice", [role])
    with tenant_scope(tenant.pk):
        found = {
            action
            for action in ("view", "add", "change", "delete", "vote", "export")
            if user.has_perm(f"accounts.{action}_membership")
        }
    assert found == allowed


def test_outside_a_scope_and_in_other_tenants_nothing_is_allowed(
    make_user: MakeUser, other_tenant: Tenant
) -> None:
    user = make_user("alice", ["security_admin"])
    assert not user.has_perm("accounts.view_membership")
    with tenant_scope(other_tenant.pk):
        assert not user.has_perm("accounts.view_membership")
        assert not user.has_module_perms("accounts")


def test_global_and_unknown_models_are_denied_to_everybody(
    make_user: MakeUser, tenant: Tenant
) -> None:
    user = make_user("alice", ["security_admin"])
    with tenant_scope(tenant.pk):
        for perm in ("accounts.view_user", "auth.view_group", "no.such_thing", "x"):
            assert not user.has_perm(perm)


def test_the_superuser_flag_grants_nothing(make_user: MakeUser, tenant: Tenant) -> None:
    user = make_user("alice")
    user.is_superuser = True
    user.save()
    with tenant_scope(tenant.pk):
        assert not user.has_perm("accounts.view_membership")
        assert not user.has_module_perms("accounts")


def test_a_role_can_be_required(make_user: MakeUser, tenant: Tenant) -> None:
    user = make_user("alice", ["auditor"])
    with tenant_scope(tenant.pk):
        permissions.require(user, "auditor")
        with pytest.raises(RoleRequiredError):
            permissions.require(user, "approver")


def test_an_enrollment_link_is_stored_as_a_hash(make_user: MakeUser) -> None:
    token = services.issue_enrollment_link(actor=SYSTEM, user=make_user("alice"))
    assert token not in str(EnrollmentLink.objects.values().get())
    assert services.open_link(token).user.username == "alice"


@pytest.mark.parametrize(("minutes", "works"), [(29, True), (31, False)])
def test_an_enrollment_link_lives_for_half_an_hour(
    make_user: MakeUser, *, minutes: int, works: bool
) -> None:
    token = services.issue_enrollment_link(actor=SYSTEM, user=make_user("alice"))
    later = timezone.now() + dt.timedelta(minutes=minutes)
    with time_machine.travel(later, tick=False):
        try:
            services.open_link(token)
        except EnrollmentLinkError:
            assert not works
        else:
            assert works


def test_a_new_link_ends_the_older_one(make_user: MakeUser) -> None:
    user = make_user("alice")
    older = services.issue_enrollment_link(actor=SYSTEM, user=user)
    services.issue_enrollment_link(actor=SYSTEM, user=user)
    with pytest.raises(EnrollmentLinkError):
        services.open_link(older)


def test_a_guessed_token_opens_nothing() -> None:
    with pytest.raises(EnrollmentLinkError):
        services.open_link("guess")


def test_an_issued_link_is_audited_in_every_tenant_of_the_person(
    make_user: MakeUser, tenant: Tenant, other_tenant: Tenant
) -> None:
    user = make_user("alice", ["approver"])
    grant(user, other_tenant, "auditor")
    services.issue_enrollment_link(actor=SYSTEM, user=user)
    for each in (tenant, other_tenant):
        with tenant_scope(each.pk):
            assert AuditEntry.objects.filter(
                action="accounts.enrollment_link_issued", target_id="alice"
            ).exists()


def test_a_tenant_hands_out_no_account_that_counts_elsewhere(
    make_user: MakeUser, other_tenant: Tenant
) -> None:
    user = make_user("alice", ["security_admin"])
    shared = grant(user, other_tenant, "auditor")
    with tenant_scope(other_tenant.pk), pytest.raises(SharedPersonError):
        services.issue_member_link(actor=SYSTEM, membership=shared)
    assert not EnrollmentLink.objects.exists()


def test_inviting_somebody_who_exists_gives_no_link_to_their_account(
    make_user: MakeUser, other_tenant: Tenant
) -> None:
    make_user("alice", ["security_admin"])
    with tenant_scope(other_tenant.pk):
        membership, token = services.invite(
            actor=SYSTEM,
            username="alice",
            display_name="Mallory",
            email="",
            roles=["auditor"],
        )
    assert token == ""
    assert membership.user.display_name == "Alice"


def test_nobody_is_invited_twice(make_user: MakeUser, tenant: Tenant) -> None:
    make_user("alice", ["approver"])
    with tenant_scope(tenant.pk), pytest.raises(AlreadyAMemberError):
        services.invite(
            actor=SYSTEM,
            username="alice",
            display_name="Alice",
            email="",
            roles=["auditor"],
        )


def test_the_command_prints_a_link_that_works(
    make_user: MakeUser, client: Client
) -> None:
    make_user("alice")
    out = StringIO()
    call_command("enroll", "alice", stdout=out)
    path = out.getvalue().strip().removeprefix("http://localhost")
    assert client.get(path).status_code == 200


def test_the_command_names_unknown_people() -> None:
    with pytest.raises(CommandError, match="nobody"):
        call_command("enroll", "nobody")


def test_production_refuses_software_authenticators(
    settings: Settings, make_user: MakeUser
) -> None:
    Passkey.objects.create(
        user=make_user("demo", is_demo=True),
        credential_id=b"x",
        public_key=b"y",
        is_demo=True,
    )
    assert checks.check_settings(None) == []
    assert checks.check_passkeys(None, ["default"]) == []
    settings.PORTWARD_ENVIRONMENT = "production"
    found = [*checks.check_settings(None), *checks.check_passkeys(None, ["default"])]
    assert [error.id for error in found] == ["accounts.E001"] * 2
