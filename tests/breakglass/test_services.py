"""A sealed account opens by its key alone, is seen by everybody, and ends by time."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from apps.accounts import services as people
from apps.accounts.errors import LastSecurityAdminError, SealedAccountError
from apps.accounts.models import Membership, Passkey, User
from apps.accounts.rules import CodeKind
from apps.accounts.services import actor_for
from apps.audit.models import AuditEntry
from apps.breakglass import selectors, services
from apps.breakglass.choices import AccountState
from apps.breakglass.errors import (
    AccountNotFoundError,
    GlassInvalidError,
    GlassStateError,
    OwnActivationError,
)
from apps.breakglass.handlers import mail_notices
from apps.breakglass.models import Activation, BreakGlassAccount, Notice
from apps.outbox.models import OutboxMessage
from apps.outbox.services import MessageEnvelope
from apps.signin.models import SignIn
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.breakglass.conftest import FINDINGS, REASON, Safe, open_it
from tests.factories import accounts
from tests.factories.accounts import SYSTEM, MakeUser
from tests.signin.conftest import Visitor, visitor_for  # noqa: F401  # a fixture

pytestmark = pytest.mark.django_db


def roles_work(user: User) -> bool:
    return User.objects.get(pk=user.pk).has_perm("policies.add_policy")


def end(activation: Activation, ago: dt.timedelta = dt.timedelta(0)) -> None:
    """Let the activation have ended by time."""
    now = timezone.now()
    Activation.objects.filter(pk=activation.pk).update(
        opened_at=now - ago - dt.timedelta(hours=1), ends_at=now - ago
    )
    Membership.objects.filter(user=activation.account.user).update(open_until=now - ago)


def test_a_sealed_account_can_do_nothing(tenant: Tenant, glass: Safe) -> None:
    with tenant_scope(tenant.pk):
        assert not roles_work(glass.user)
    assert glass.client.get("/admin/")["Location"] == reverse("breakglass:open")
    assert glass.client.get("/admin/policies/policy/").status_code == 403


def test_breaking_the_glass_gives_the_roles_until_it_ends(
    tenant: Tenant, glass: Safe
) -> None:
    with tenant_scope(tenant.pk):
        activation = open_it(glass)
        assert roles_work(glass.user)
        end(activation)
        assert not roles_work(glass.user)


def test_the_session_ends_with_the_activation(tenant: Tenant, glass: Safe) -> None:
    with tenant_scope(tenant.pk):
        activation = open_it(glass)
    assert glass.sign_in.expires_at == activation.ends_at
    SignIn.objects.update(expires_at=timezone.now())
    assert glass.client.get("/admin/")["Location"].startswith("/admin/login/")


@pytest.mark.parametrize(
    ("change", "field"),
    [({"reason": "too short"}, "reason"), ({"minutes": 61}, "minutes")],
    ids=["reason", "minutes"],
)
def test_a_reason_and_a_short_time_are_asked_for(
    tenant: Tenant, glass: Safe, change: dict[str, object], field: str
) -> None:
    with tenant_scope(tenant.pk), pytest.raises(GlassInvalidError) as caught:
        open_it(glass, **change)
    assert caught.value.field == field


def test_an_open_account_is_not_opened_again(tenant: Tenant, glass: Safe) -> None:
    with tenant_scope(tenant.pk):
        open_it(glass)
        with pytest.raises(GlassStateError):
            open_it(glass)


def test_an_ordinary_account_has_no_glass_to_break(
    tenant: Tenant, admin: User, glass: Safe
) -> None:
    with tenant_scope(tenant.pk), pytest.raises(AccountNotFoundError):
        open_it(glass, user=admin)


def test_an_overdue_review_locks_the_account(tenant: Tenant, glass: Safe) -> None:
    with tenant_scope(tenant.pk):
        activation = open_it(glass)
        end(activation, ago=dt.timedelta(hours=24))
        with pytest.raises(GlassStateError):
            open_it(glass)
        account = selectors.account_of(glass.user)
        assert account is not None
        assert selectors.state_of(account) is AccountState.LOCKED


def test_while_a_review_is_due_emergencies_do_not_wait(
    tenant: Tenant, glass: Safe
) -> None:
    with tenant_scope(tenant.pk):
        end(open_it(glass), ago=dt.timedelta(hours=23))
        open_it(glass)


def test_every_security_admin_is_told_in_the_same_transaction(
    tenant: Tenant, admin: User, glass: Safe
) -> None:
    with tenant_scope(tenant.pk):
        open_it(glass)
        assert [n.user for n in Notice.objects.all()] == [admin]
        assert AuditEntry.objects.filter(action="breakglass.opened").count() == 1
        assert OutboxMessage.objects.filter(topic="breakglass.opened").count() == 1


def test_the_mail_goes_to_everybody_once(
    tenant: Tenant, glass: Safe, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    with tenant_scope(tenant.pk):
        open_it(glass)
        row = OutboxMessage.objects.get(topic="breakglass.opened")
        message = MessageEnvelope(
            row.pk, tenant.pk, row.topic, row.payload, uuid.UUID(int=0)
        )
    mail_notices(message)
    mail_notices(message)
    assert [m.to for m in mail.outbox] == [["alice@example.test"]]
    assert REASON in mail.outbox[0].body


def test_a_banner_stands_on_every_page_of_everybody(
    tenant: Tenant,
    admin: User,
    glass: Safe,
    make_user: MakeUser,
    visitor_for: Callable[[User], Visitor],  # noqa: F811  # the fixture
) -> None:
    with tenant_scope(tenant.pk):
        activation = open_it(glass)
    auditor = visitor_for(make_user("dora", ["auditor"]))
    boss = visitor_for(admin)
    for visitor in (glass, auditor, boss):
        page = visitor.client.get("/admin/").content.decode()
        assert "is open</strong>" in page, visitor.user
        assert REASON in page
    assert "I know" in boss.client.get("/admin/").content.decode()
    assert "I know" not in auditor.client.get("/admin/").content.decode()
    with tenant_scope(tenant.pk):
        notice = Notice.objects.get()
    boss.client.post(reverse("breakglass:acknowledge", args=[notice.pk]))
    assert "I know" not in boss.client.get("/admin/").content.decode()
    assert (
        auditor.client.post(reverse("breakglass:end", args=[activation.pk])).status_code
        == 403
    )
    boss.client.post(reverse("breakglass:end", args=[activation.pk]))
    assert glass.client.get("/admin/").status_code == 302
    assert "Review due" in boss.client.get("/admin/").content.decode()


def test_the_page_asks_for_a_signature_over_reason_and_time(
    tenant: Tenant, glass: Safe
) -> None:
    address = reverse("breakglass:open")
    answer = glass.client.post(address, {"reason": REASON, "minutes": "30"})
    waiting = answer["Location"]
    assert waiting.startswith("/auth/operations/")
    with tenant_scope(tenant.pk):
        assert not Activation.objects.exists()
    page = glass.confirm(waiting).content.decode()
    proof = page.split('name="pw_operation" hidden>\n')[1].split("<")[0]
    fields = {"reason": REASON, "minutes": "30", "pw_operation": proof}
    longer = glass.client.post(address, fields | {"minutes": "60"})
    assert longer.status_code == 409
    answer = glass.client.post(address, fields)
    assert answer["Location"] == "/admin/"
    with tenant_scope(tenant.pk):
        assert str(Activation.objects.get().proof_id) == proof


def test_another_person_closes_the_review(
    tenant: Tenant, admin: User, glass: Safe
) -> None:
    with tenant_scope(tenant.pk):
        activation = open_it(glass)
        with pytest.raises(GlassStateError):
            services.close_review(
                actor=actor_for(admin), activation_id=activation.pk, findings=FINDINGS
            )
        end(activation)
        with pytest.raises(OwnActivationError):
            services.close_review(
                actor=actor_for(glass.user),
                activation_id=activation.pk,
                findings=FINDINGS,
            )
        with pytest.raises(GlassInvalidError):
            services.close_review(
                actor=actor_for(admin), activation_id=activation.pk, findings="fine"
            )
        services.close_review(
            actor=actor_for(admin), activation_id=activation.pk, findings=FINDINGS
        )
        account = selectors.account_of(glass.user)
        assert account is not None
        assert selectors.state_of(account) is AccountState.SEALED


def test_the_review_lists_what_the_account_did(
    tenant: Tenant, admin: User, glass: Safe
) -> None:
    with tenant_scope(tenant.pk):
        activation = open_it(glass)
        people.invite(
            actor=actor_for(glass.user),
            username="erin",
            display_name="Erin",
            email="",
            roles=["auditor"],
        )
        people.create_user(actor=actor_for(admin), username="x", display_name="X")
        acts = [entry.action for entry in selectors.acts_during(activation)]
    assert "accounts.membership_granted" in acts
    assert acts.count("accounts.user_created") == 1


def test_nothing_but_a_passkey_is_added_to_a_sealed_account(glass: Safe) -> None:
    actor = actor_for(glass.user)
    with pytest.raises(SealedAccountError):
        people.set_password(actor=actor, user=glass.user, password="x" * 20)
    with pytest.raises(SealedAccountError):
        people.begin_code_device(user=glass.user, kind=CodeKind.TOTP, name="x")
    with pytest.raises(SealedAccountError):
        people.new_recovery_codes(actor=actor, user=glass.user)


@pytest.mark.parametrize("obstacle", ["no-key", "synced", "password", "two-tenants"])
def test_only_an_account_of_no_ordinary_day_is_sealed(
    tenant: Tenant,
    other_tenant: Tenant,
    admin: User,
    make_user: MakeUser,
    tmp_path: Path,
    obstacle: str,
) -> None:
    user = make_user("candidate", ["auditor"])
    if obstacle != "no-key":
        accounts.register_passkey(user, accounts.make_authenticator(tmp_path))
    if obstacle == "synced":
        Passkey.objects.filter(user=user).update(is_backed_up=True)
    if obstacle == "password":
        people.set_password(actor=SYSTEM, user=user, password="long and unusual words")
    if obstacle == "two-tenants":
        with tenant_scope(other_tenant.pk):
            people.grant_membership(actor=SYSTEM, user=user, roles=["auditor"])
    with tenant_scope(tenant.pk):
        with pytest.raises(SealedAccountError):
            services.seal(actor=actor_for(admin), user=user)
        assert not BreakGlassAccount.objects.exists()


def test_nobody_seals_themselves(tenant: Tenant, admin: User) -> None:
    with tenant_scope(tenant.pk), pytest.raises(GlassInvalidError):
        services.seal(actor=actor_for(admin), user=admin)


def test_a_sealed_account_does_not_count_as_the_last_security_admin(
    tenant: Tenant, admin: User, glass: Safe
) -> None:
    with tenant_scope(tenant.pk), pytest.raises(LastSecurityAdminError):
        people.revoke_membership(actor=SYSTEM, user=admin)
    del glass


def test_a_retired_account_is_an_auditors(
    tenant: Tenant, admin: User, glass: Safe
) -> None:
    with tenant_scope(tenant.pk):
        account = selectors.account_of(glass.user)
        assert account is not None
        services.retire(actor=actor_for(admin), account_id=account.pk)
        assert not roles_work(glass.user)
        with pytest.raises(AccountNotFoundError):
            open_it(glass)


def test_another_tenant_sees_none_of_it(
    glass: Safe, tenant: Tenant, other_tenant: Tenant
) -> None:
    with tenant_scope(tenant.pk):
        open_it(glass)
    with tenant_scope(other_tenant.pk):
        assert not selectors.open_activations()
        assert not selectors.accounts()


def test_the_pages_show_accounts_uses_and_reviews(
    tenant: Tenant,
    admin: User,
    glass: Safe,
    visitor_for: Callable[[User], Visitor],  # noqa: F811  # the fixture
) -> None:
    boss = visitor_for(admin)
    listed = boss.client.get(reverse("admin:breakglass_breakglassaccount_changelist"))
    assert b"sealed" in listed.content
    with tenant_scope(tenant.pk):
        activation = open_it(glass)
        end(activation)
    address = reverse("admin:breakglass_activation_change", args=[activation.pk])
    assert b"Close the review" in boss.client.get(address).content
    waiting = boss.client.post(address, {"findings": FINDINGS})["Location"]
    page = boss.confirm(waiting).content.decode()
    proof = page.split('name="pw_operation" hidden>\n')[1].split("<")[0]
    boss.client.post(address, {"findings": FINDINGS, "pw_operation": proof})
    with tenant_scope(tenant.pk):
        assert Activation.objects.get().closed_by == "alice"
    account = reverse(
        "admin:breakglass_breakglassaccount_change", args=[activation.account_id]
    )
    assert b"break_glass_drill" in boss.client.get(account).content


@pytest.mark.django_db(transaction=True)
def test_a_drill_is_walked_through_and_timed(
    tenant: Tenant,
    admin: User,
    glass: Safe,
) -> None:
    def people_act() -> None:
        try:
            wait_until_announced(tenant)
            fresh = glass.again()
            with tenant_scope(tenant.pk):
                activation = open_it(fresh)
                services.end_activation(
                    actor=actor_for(glass.user), activation_id=activation.pk
                )
                services.close_review(
                    actor=actor_for(admin),
                    activation_id=activation.pk,
                    findings=FINDINGS,
                )
        finally:
            connection.close()

    thread = threading.Thread(target=people_act)
    thread.start()
    said = StringIO()
    call_command(
        "break_glass_drill",
        *("--tenant", "acme", "--account", "glass-1", "--timeout", "60"),
        stdout=said,
    )
    thread.join()
    assert "Drill done" in said.getvalue()
    with tenant_scope(tenant.pk):
        entry = AuditEntry.objects.get(action="breakglass.drill_done")
        assert set(entry.after or {}) == {"sign_in", "open", "end", "review"}
        assert BreakGlassAccount.objects.get().drilled_at is not None


def wait_until_announced(tenant: Tenant) -> None:
    waiting = threading.Event()
    for _ in range(600):
        with tenant_scope(tenant.pk):
            if BreakGlassAccount.objects.get().drill_announced_at is not None:
                return
        waiting.wait(0.05)
    raise AssertionError("nobody announced the drill")


def test_a_drill_that_nobody_does_fails(glass: Safe) -> None:
    with pytest.raises(CommandError, match="failed"):
        call_command(
            "break_glass_drill",
            *("--tenant", "acme", "--account", "glass-1", "--timeout", "0"),
            stdout=StringIO(),
        )
    del glass
