"""What somebody would try who wants the rights of a sealed account for longer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts import services as people
from apps.accounts.errors import RoleRequiredError, SealedAccountError
from apps.accounts.models import EnrollmentLink, Membership, User
from apps.accounts.rules import CodeKind
from apps.accounts.services import TokenSpec, actor_for
from apps.approvals import selectors as approvals
from apps.breakglass import selectors, services
from apps.breakglass.choices import AccountState
from apps.breakglass.errors import GlassStateError, OwnActivationError
from apps.breakglass.models import Activation
from apps.federation import services as federation
from apps.federation.choices import ClientAuth
from apps.federation.models import IdentityProvider
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.breakglass.conftest import FINDINGS, Safe, open_it
from tests.factories import accounts
from tests.factories.accounts import SYSTEM, MakeUser

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


def state_of(glass: Safe) -> AccountState:
    account = selectors.account_of(glass.user)
    assert account is not None
    return selectors.state_of(account)


def ended(glass: Safe, actor: User) -> Activation:
    activation = open_it(glass)
    services.end_activation(actor=actor_for(actor), activation_id=activation.pk)
    return activation


def close(activation: Activation, reviewer: User) -> None:
    services.close_review(
        actor=actor_for(reviewer), activation_id=activation.pk, findings=FINDINGS
    )


def roles_for_approval(glass: Safe) -> frozenset[str]:
    return approvals.roles_of(glass.user.pk)


def test_a_sealed_account_neither_proposes_nor_votes(
    tenant: Tenant, glass: Safe
) -> None:
    with tenant_scope(tenant.pk):
        assert roles_for_approval(glass) == frozenset()
        activation = open_it(glass)
        assert roles_for_approval(glass) == {"approver", "security_admin"}
        with time_machine.travel(activation.ends_at):
            assert roles_for_approval(glass) == frozenset()


WAYS_IN: dict[str, Callable[[User], object]] = {
    "password": lambda user: people.set_password(
        actor=SYSTEM, user=user, password="long and unusual words"
    ),
    "totp": lambda user: people.begin_code_device(
        user=user, kind=CodeKind.TOTP, name="App"
    ),
    "hotp": lambda user: people.begin_code_device(
        user=user, kind=CodeKind.HOTP, name="Token"
    ),
    "recovery": lambda user: people.new_recovery_codes(actor=SYSTEM, user=user),
    "token": lambda user: people.issue_api_token(
        actor=SYSTEM,
        user=user,
        spec=TokenSpec("ci", dt.timedelta(days=1), ["roles.read"]),
    ),
    "link": lambda user: people.issue_enrollment_link(actor=SYSTEM, user=user),
    "key": lambda user: people.begin_registration(
        user=user, session_key="session", link=None
    ),
    "roles": lambda user: people.grant_membership(
        actor=SYSTEM, user=user, roles=["auditor"]
    ),
}


@pytest.mark.parametrize("way", WAYS_IN)
def test_nothing_is_added_to_a_sealed_account_even_while_it_is_open(
    tenant: Tenant, glass: Safe, make_user: MakeUser, way: str
) -> None:
    dora = make_user("dora", ["auditor"])
    with tenant_scope(tenant.pk):
        # Whoever is not sealed may, so that it is the seal that refuses.
        WAYS_IN[way](dora)
        with pytest.raises(SealedAccountError):
            WAYS_IN[way](glass.user)
        open_it(glass)
        with pytest.raises(SealedAccountError):
            WAYS_IN[way](User.objects.get(pk=glass.user.pk))


def test_no_provider_is_linked_to_a_sealed_account(
    tenant: Tenant, glass: Safe, make_user: MakeUser
) -> None:
    dora = make_user("dora", ["auditor"])
    with tenant_scope(tenant.pk):
        provider = IdentityProvider.objects.create(
            tenant=tenant,
            slug="idp",
            name="IdP",
            issuer="https://idp.example",
            client_id="portward",
            client_auth=ClientAuth.SECRET_BASIC,
        )
        federation.link(actor=SYSTEM, provider=provider, user=dora, subject="dora")
        with pytest.raises(SealedAccountError):
            federation.link(
                actor=SYSTEM, provider=provider, user=glass.user, subject="glass"
            )


def test_the_keys_of_a_sealed_account_are_not_removed(
    tenant: Tenant, glass: Safe
) -> None:
    key = glass.user.passkey_set.get()
    with tenant_scope(tenant.pk), pytest.raises(SealedAccountError):
        people.remove_passkey(
            actor=SYSTEM, user=glass.user, passkey_id=key.pk, proven_by=""
        )


def test_what_was_begun_before_the_seal_does_not_finish_after_it(
    tenant: Tenant, admin: User, make_user: MakeUser, tmp_path: Path
) -> None:
    user = make_user("glass-1", ["auditor"])
    accounts.register_passkey(user, accounts.make_authenticator(tmp_path))
    late = accounts.make_authenticator(tmp_path)
    options = people.begin_registration(user=user, session_key="session", link=None)
    device = people.begin_code_device(user=user, kind=CodeKind.TOTP, name="App").device
    people.issue_enrollment_link(actor=SYSTEM, user=user)
    with tenant_scope(tenant.pk):
        services.seal(actor=actor_for(admin), user=user)
    with pytest.raises(SealedAccountError):
        people.finish_registration(
            ceremony_id=options.ceremony_id,
            session_key="session",
            credential=late.create(options.public_key),
            name="Late key",
        )
    with pytest.raises(SealedAccountError):
        people.confirm_code_device(
            actor=SYSTEM, user=user, device_id=device.pk, code="000000"
        )
    usable = EnrollmentLink.objects.filter(user=user, revoked_at__isnull=True)
    assert not usable.exists()


def test_an_api_token_keeps_an_account_from_being_sealed(
    tenant: Tenant, admin: User, make_user: MakeUser, tmp_path: Path
) -> None:
    user = make_user("glass-1", ["auditor"])
    accounts.register_passkey(user, accounts.make_authenticator(tmp_path))
    with tenant_scope(tenant.pk):
        WAYS_IN["token"](user)
        with pytest.raises(SealedAccountError, match="token"):
            services.seal(actor=actor_for(admin), user=user)


def test_two_sealed_accounts_do_not_vouch_for_each_other(
    tenant: Tenant, admin: User, glass: Safe, second: Safe
) -> None:
    with tenant_scope(tenant.pk):
        activation = ended(glass, glass.user)
        open_it(second)
        with pytest.raises(OwnActivationError):
            close(activation, second.user)
        close(activation, admin)
        with pytest.raises(OwnActivationError):
            services.seal(actor=actor_for(second.user), user=admin)
        account = selectors.account_of(glass.user)
        assert account is not None
        with pytest.raises(OwnActivationError):
            services.retire(actor=actor_for(second.user), account_id=account.pk)


def test_only_security_admins_seal_and_review(
    tenant: Tenant, glass: Safe, make_user: MakeUser
) -> None:
    carol = make_user("carol", ["approver", "auditor"])
    dora = make_user("dora", ["auditor"])
    with tenant_scope(tenant.pk):
        activation = ended(glass, glass.user)
        with pytest.raises(RoleRequiredError):
            close(activation, carol)
        with pytest.raises(RoleRequiredError):
            services.seal(actor=actor_for(carol), user=dora)


def test_a_review_in_time_seals_the_account(
    tenant: Tenant, admin: User, glass: Safe
) -> None:
    with tenant_scope(tenant.pk):
        activation = ended(glass, glass.user)
        with time_machine.travel(timezone.now() + DAY - dt.timedelta(minutes=1)):
            close(activation, admin)
            assert state_of(glass) is AccountState.SEALED


def test_after_a_late_review_the_account_stays_locked_until_it_is_sealed_again(
    tenant: Tenant, admin: User, glass: Safe
) -> None:
    with tenant_scope(tenant.pk):
        activation = ended(glass, glass.user)
        with time_machine.travel(timezone.now() + DAY):
            with pytest.raises(GlassStateError):
                services.seal(actor=actor_for(admin), user=glass.user)
            close(activation, admin)
            assert state_of(glass) is AccountState.LOCKED
            with pytest.raises(GlassStateError):
                open_it(glass)
            services.seal(actor=actor_for(admin), user=glass.user)
            assert state_of(glass) is AccountState.SEALED


def test_sealing_again_does_not_cut_a_running_activation_off_unseen(
    tenant: Tenant, admin: User, glass: Safe
) -> None:
    with tenant_scope(tenant.pk):
        open_it(glass)
        with pytest.raises(GlassStateError):
            services.seal(actor=actor_for(admin), user=glass.user)


def test_the_database_refuses_more_than_an_hour(tenant: Tenant, glass: Safe) -> None:
    with tenant_scope(tenant.pk):
        activation = open_it(glass, minutes=60)
        activation.ends_at += dt.timedelta(seconds=1)
        with pytest.raises(IntegrityError), transaction.atomic():
            activation.save()


def test_a_risky_place_does_not_keep_anybody_from_breaking_the_glass(
    tenant: Tenant, glass: Safe
) -> None:
    glass.set(risk=100)
    assert glass.client.get("/break-glass/").status_code == 200
    with tenant_scope(tenant.pk):
        open_it(glass)
    assert glass.client.get("/admin/").status_code == 200


def test_a_risky_place_keeps_everybody_else_out(admin: User, tmp_path: Path) -> None:
    client = accounts.signed_in_client(admin, tmp_path)
    admin.sign_ins.update(risk=100)
    assert client.get("/admin/").status_code == 403


def test_every_session_of_the_account_ends_with_the_activation(
    tenant: Tenant, glass: Safe
) -> None:
    other = glass.again()
    with tenant_scope(tenant.pk):
        activation = open_it(other)
    glass.again()
    assert glass.user.sign_ins.count() == 3
    assert [row.expires_at for row in glass.user.sign_ins.all()] == [
        activation.ends_at
    ] * glass.user.sign_ins.count()


def test_a_drill_that_nobody_did_makes_no_drill_of_an_emergency(
    tenant: Tenant, glass: Safe
) -> None:
    with tenant_scope(tenant.pk):
        account = selectors.account_of(glass.user)
        assert account is not None
        services.announce_drill(actor=SYSTEM, account_id=account.pk)
        with time_machine.travel(timezone.now() + dt.timedelta(hours=1)):
            assert not open_it(glass).is_drill


def test_the_right_ends_without_anybody_writing_it_down(
    tenant: Tenant, glass: Safe
) -> None:
    with tenant_scope(tenant.pk):
        activation = open_it(glass)
        with time_machine.travel(activation.ends_at):
            person = User.objects.get(pk=glass.user.pk)
            assert not person.has_perm("policies.add_policy")
            assert state_of(glass) is AccountState.REVIEW
            # The row still says when; it is the clock that decides.
            row = Membership.objects.get(user=person)
            assert row.open_until == activation.ends_at
