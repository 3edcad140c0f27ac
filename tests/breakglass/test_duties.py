"""A tenant is told what it lacks before an emergency tells it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.services import actor_for
from apps.breakglass import checks, selectors, services
from apps.breakglass.choices import AccountState
from apps.breakglass.models import Activation, BreakGlassAccount
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.breakglass.conftest import FINDINGS, Safe, open_it
from tests.factories.accounts import MakeUser, SignedInClient
from tests.signin.conftest import Visitor, visitor_for  # noqa: F401  # a fixture

pytestmark = pytest.mark.django_db


def found() -> list[str]:
    problems = checks.tenants_are_ready(None, databases=["default"])
    return sorted(str(problem.id) for problem in problems)


def lock(glass: Safe, admin: User) -> None:
    """Let the review of a use have been closed a day too late."""
    now, day = timezone.now(), dt.timedelta(days=1)
    activation = open_it(glass)
    Activation.objects.filter(pk=activation.pk).update(
        opened_at=now - 2 * day,
        ends_at=now - day - dt.timedelta(hours=23, minutes=30),
    )
    BreakGlassAccount.objects.filter(user=glass.user).update(sealed_at=now - 3 * day)
    services.close_review(
        actor=actor_for(admin), activation_id=activation.pk, findings=FINDINGS
    )


@pytest.mark.usefixtures("glass")
def test_one_account_is_too_few() -> None:
    assert found() == ["breakglass.W001"]


@pytest.mark.usefixtures("glass", "second")
def test_two_accounts_are_enough() -> None:
    assert found() == []


@pytest.mark.usefixtures("second")
def test_a_locked_account_does_not_count(
    tenant: Tenant, admin: User, glass: Safe
) -> None:
    with tenant_scope(tenant.pk):
        lock(glass, admin)
        assert selectors.duties().missing == 1


@pytest.mark.usefixtures("glass", "second")
def test_drills_are_asked_for_after_ninety_days(tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        BreakGlassAccount.objects.filter(user__username="glass-1").update(
            sealed_at=timezone.now() - dt.timedelta(days=91)
        )
    assert found() == ["breakglass.W002"]


def test_the_overview_tells_security_admins_and_nobody_else(
    admin: User,
    glass: Safe,
    make_user: MakeUser,
    signed_in_client: SignedInClient,
) -> None:
    del glass
    page = signed_in_client(admin).get("/admin/").content.decode()
    assert "1 break-glass account missing" in page
    dora = make_user("dora", ["auditor"])
    page = signed_in_client(dora).get("/admin/").content.decode()
    assert "break-glass account missing" not in page


def test_a_locked_account_is_sealed_again_from_its_page_with_a_signature(
    tenant: Tenant,
    admin: User,
    glass: Safe,
    visitor_for: Callable[[User], Visitor],  # noqa: F811  # the fixture
) -> None:
    with tenant_scope(tenant.pk):
        lock(glass, admin)
        account = selectors.account_of(glass.user)
        assert account is not None
    boss = visitor_for(admin)
    name = "admin:breakglass_breakglassaccount"
    shown = boss.client.get(reverse(f"{name}_change", args=[account.pk]))
    assert b"Seal it again" in shown.content
    address = reverse(f"{name}_seal", args=[account.pk])
    page = boss.confirm(boss.client.post(address)["Location"]).content.decode()
    with tenant_scope(tenant.pk):
        assert selectors.state_of(account) is AccountState.LOCKED
    proof = page.split('name="pw_operation" hidden>\n')[1].split("<")[0]
    boss.client.post(address, {"pw_operation": proof})
    with tenant_scope(tenant.pk):
        account = selectors.account_of(glass.user)
        assert account is not None
        assert selectors.state_of(account) is AccountState.SEALED
