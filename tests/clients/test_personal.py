"""Personal tokens: never more than their person may now, nor from elsewhere."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts import services as accounts
from apps.accounts.errors import ApiTokenInvalidError
from apps.accounts.models import ApiToken, Freeze, Membership
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.clients.conftest import Api
from tests.factories.accounts import MakeUser
from tests.factories.clients import ACTOR, token_of


def test_a_token_carries_what_was_chosen_and_no_more(
    tenant: Tenant, make_user: MakeUser, api: Api
) -> None:
    token = token_of(tenant, make_user("reader", ["auditor"]), scopes=["roles.read"])
    assert api(token).status_code == 200
    refused = api(token, "nodes")
    assert refused.status_code == 403
    assert refused.json()["code"] == "core.insufficient_scope"
    assert (
        'error="insufficient_scope", scope="nodes.read"'
        in (refused["WWW-Authenticate"])
    )


@pytest.mark.parametrize("scope", ["freezes.write", "no.such"])
def test_a_scope_that_is_not_ones_own_is_not_given(
    tenant: Tenant, make_user: MakeUser, scope: str
) -> None:
    user = make_user("reader", ["auditor"])
    with pytest.raises(ApiTokenInvalidError) as caught:
        token_of(tenant, user, scopes=["roles.read", scope])
    assert caught.value.field == "scopes"


def test_losing_the_role_loses_the_scope(
    tenant: Tenant, make_user: MakeUser, api: Api
) -> None:
    user = make_user("boss", ["security_admin"])
    make_user("other", ["security_admin"])
    token = token_of(tenant, user)
    with tenant_scope(tenant.pk):
        accounts.grant_membership(actor=ACTOR, user=user, roles=["auditor"])
    assert api(token).status_code == 200
    holder = accounts.authenticate_api_token(token, address="127.0.0.1")
    assert "freezes.write" not in holder.scopes
    assert "freezes.read" in holder.scopes


def test_who_is_frozen_is_not_served(
    tenant: Tenant, make_user: MakeUser, api: Api
) -> None:
    user = make_user("reader", ["auditor"])
    token = token_of(tenant, user)
    with tenant_scope(tenant.pk):
        Freeze.objects.create(
            tenant=tenant,
            user=user,
            reason="x",
            created_by="x",
            created_by_id="x",
            expires_at=timezone.now() + dt.timedelta(hours=1),
        )
    assert api(token).status_code == 403


@pytest.mark.parametrize(
    ("networks", "status"),
    [
        (["127.0.0.0/8"], 200),
        (["10.0.0.0/8", "127.0.0.1/32"], 200),
        (["10.0.0.0/8"], 401),
        (["::/0"], 401),
    ],
    ids=str,
)
def test_a_token_counts_from_its_networks_only(
    tenant: Tenant, make_user: MakeUser, api: Api, networks: list[str], status: int
) -> None:
    token = token_of(tenant, make_user("reader", ["auditor"]), networks=networks)
    assert api(token).status_code == status


@pytest.mark.parametrize("days", [0, -1, 91])
def test_a_token_ends_within_ninety_days(
    tenant: Tenant, make_user: MakeUser, days: int
) -> None:
    with pytest.raises(ApiTokenInvalidError):
        token_of(tenant, make_user("reader", ["auditor"]), days)


@pytest.mark.parametrize("networks", [["x"], ["10.0.0.1/8"], ["10.0.0.0/8"] * 21])
def test_what_is_no_network_is_refused(
    tenant: Tenant, make_user: MakeUser, networks: list[str]
) -> None:
    with pytest.raises(ApiTokenInvalidError) as caught:
        token_of(tenant, make_user("reader", ["auditor"]), networks=networks)
    assert caught.value.field == "networks"


def test_the_last_use_is_noted_with_its_address(
    tenant: Tenant, make_user: MakeUser, api: Api
) -> None:
    token = token_of(tenant, make_user("reader", ["auditor"]))
    api(token)
    with tenant_scope(tenant.pk):
        row: Any = ApiToken.objects.get()
    assert row.last_used_from == "127.0.0.1"
    assert row.last_used_at is not None


def test_a_token_of_another_tenant_does_not_count_where_its_person_left(
    tenant: Tenant, other_tenant: Tenant, make_user: MakeUser, api: Api
) -> None:
    user = make_user("both", ["auditor"])
    with tenant_scope(other_tenant.pk):
        accounts.grant_membership(actor=ACTOR, user=user, roles=["auditor"])
    here, there = token_of(tenant, user), token_of(other_tenant, user)
    with tenant_scope(tenant.pk):
        Membership.objects.filter(user=user).delete()
    assert api(here).status_code == 401
    assert api(there).status_code == 200
    # The tenant stands in the token, and changing it finds nothing.
    moved = there.replace(other_tenant.pk.hex, tenant.pk.hex)
    assert api(moved).status_code == 401
