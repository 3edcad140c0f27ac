"""Who owns a forbid decides about its end without a role in the console."""

from __future__ import annotations

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.notifications.models import Notification
from apps.policies import services
from apps.policies.models import PolicyAct, PolicyVersion
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.access import build_access
from tests.factories.accounts import SignedInClient, make_user
from tests.policies.test_lifecycle import FORBID, live, text
from tests.signin.conftest import MakeVisitor, Visitor, visitor_for
from tests.signin.test_confirm import form_of

__all__ = ["visitor_for"]
pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)
OWNED = "/access/policies/"


@pytest.fixture
def ending(tenant: Tenant) -> PolicyVersion:
    """A forbid of Olga's that names an end within the hour."""
    make_user("zoe", ["security_admin"], tenant=tenant)
    with tenant_scope(tenant.pk):
        build_access()
        return live(FORBID, effective_until=text(timezone.now() + HOUR), owner="Olga")


@pytest.fixture
def olga(tenant: Tenant, visitor_for: MakeVisitor) -> Visitor:
    """The owner, a plain member."""
    return visitor_for(make_user("olga", ["member"], tenant=tenant))


def page(version: PolicyVersion, act: str) -> str:
    return reverse("policies:decide", args=[version.policy_id, act])


def test_an_owner_is_led_to_what_waits_and_decides(
    ending: PolicyVersion, olga: Visitor, tenant: Tenant
) -> None:
    assert f'href="{OWNED}"' in olga.client.get("/access/").content.decode()
    listed = olga.client.get(OWNED).content.decode()
    address = page(ending, "let_end")
    assert address in listed
    assert olga.client.get(address).status_code == 200
    held = olga.client.post(address, {"reason": "It served its time."})["Location"]
    fields = form_of(olga.confirm(held))
    assert olga.client.post(address, fields, follow=True).status_code == 200
    with tenant_scope(tenant.pk):
        act = PolicyAct.objects.get()
    assert (act.act, act.actor_name) == ("let_end", "olga")
    assert "Nothing to decide" in olga.client.get(OWNED).content.decode()


@pytest.mark.parametrize("act", ["extend", "let_end"])
def test_who_does_not_own_it_finds_nothing(
    ending: PolicyVersion,
    tenant: Tenant,
    signed_in_client: SignedInClient,
    act: str,
) -> None:
    client = signed_in_client(make_user("otto", ["member"], tenant=tenant))
    assert client.get(page(ending, act)).status_code == 404
    assert ending.content["name"] not in client.get(OWNED).content.decode()
    assert OWNED not in client.get("/access/").content.decode()


@pytest.mark.parametrize("act", ["suspend", "resume", "retire", "rollback"])
def test_an_owner_does_nothing_else_there(
    ending: PolicyVersion, olga: Visitor, act: str
) -> None:
    assert olga.client.get(page(ending, act)).status_code == 404


@pytest.mark.usefixtures("ending", "olga")
def test_each_is_told_where_they_may_decide(tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        services.tend_policies(now=timezone.now())
        found = dict(
            Notification.objects.filter(event="policy.ending").values_list(
                "user__username", "path"
            )
        )
    assert found["olga"] == OWNED
    assert found["zoe"].endswith("/timeline/")


def test_policies_on_any_day_are_in_the_navigation(
    tenant: Tenant, signed_in_client: SignedInClient
) -> None:
    client = signed_in_client(make_user("audrey", ["auditor"], tenant=tenant))
    shown = client.get("/admin/area/policies/").content.decode()
    assert "/admin/policies/as-of/" in shown
    assert client.get("/admin/policies/as-of/").status_code == 200
