"""The REST interface: who may read what, paging, errors, the signed bundle."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from apps.accounts.choices import Scope
from apps.accounts.models import ApiToken, Membership
from apps.accounts.permissions import TenantScopedView
from apps.audit.events import Actor
from apps.keys.tasks import ensure_tenant_keys
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.envelope import unpack_archive
from tests.factories.accounts import MakeUser
from tests.factories.accounts import make_user as make_member
from tests.factories.bundles import release_of
from tests.factories.clients import token_of

ACTOR = Actor.command("tests")
LISTS = (
    "tenants",
    "audit",
    "sessions",
    "freezes",
    "roles",
    "policies",
    "versions",
    "releases",
    "nodes",
)
# Everybody may read what the interface looks like; it holds no data.
OPEN = {"schema", "docs", "none"}


def get(path: str, token: str = "", **headers: str) -> Any:
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return Client(headers=headers).get(f"/api/{path}")


@pytest.fixture
def token(tenant: Tenant, make_user: MakeUser) -> str:
    return token_of(tenant, make_user("reader", ["auditor"]))


@pytest.fixture
def released(tenant: Tenant) -> Tenant:
    ensure_tenant_keys(actor=ACTOR, tenant_id=tenant.pk)
    release_of(tenant, "first")
    return tenant


def views() -> dict[str, Any]:
    patterns: Any = get_resolver("portal.api").url_patterns
    return {row.name: row.callback.cls for row in patterns if row.name not in OPEN}


@pytest.mark.parametrize("name", sorted(views()))
def test_every_method_of_every_route_names_a_scope(name: str) -> None:
    view = views()[name]
    assert issubclass(view, TenantScopedView)
    methods = {m.upper() for m in view.http_method_names if hasattr(view, m)}
    assert methods - {"HEAD", "OPTIONS"} == view.scopes.keys()
    assert set(view.scopes.values()) <= set(Scope)


@pytest.mark.parametrize("name", LISTS)
def test_a_member_reads_and_a_stranger_does_not(name: str, token: str) -> None:
    assert get(f"v1/{name}", token).status_code == 200
    refused = get(f"v1/{name}")
    assert refused.status_code == 401
    assert refused["WWW-Authenticate"].startswith("Bearer")
    assert refused["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("name", LISTS)
def test_the_token_of_a_person_who_left_is_worth_nothing(
    name: str, tenant: Tenant, make_user: MakeUser
) -> None:
    user = make_user("plain", ["auditor"])
    plain = token_of(tenant, user)
    with tenant_scope(tenant.pk):
        Membership.objects.filter(user=user).delete()
    assert get(f"v1/{name}", plain).status_code == 401


def test_another_tenant_is_not_there(
    released: Tenant, other_tenant: Tenant, token: str
) -> None:
    foreign = make_member("foreign", ["auditor"], tenant=other_tenant)
    other = token_of(other_tenant, foreign)
    (row,) = get("v1/releases", token).json()["results"]
    assert get(f"v1/releases/{row['id']}", token).status_code == 200
    assert get(f"v1/releases/{row['id']}", other).status_code == 404
    assert get("v1/releases", other).json()["results"] == []
    assert get(f"v1/tenants/{released.slug}/bundle", other).status_code == 404
    assert [t["slug"] for t in get("v1/tenants", other).json()["results"]] == ["globex"]


@pytest.mark.parametrize(
    "change",
    [
        {"expires_at": timezone.now() - dt.timedelta(seconds=1)},
        {"revoked_at": timezone.now()},
        {"secret_hash": "0" * 64},
    ],
    ids=["expired", "revoked", "unknown"],
)
def test_a_token_that_no_longer_counts_is_refused_without_a_reason(
    tenant: Tenant, token: str, change: dict[str, Any]
) -> None:
    with tenant_scope(tenant.pk):
        ApiToken.objects.update(**change)
    answer = get("v1/roles", token)
    assert answer.status_code == 401
    assert answer.json()["code"] == "core.token_refused"


@pytest.mark.parametrize("text", ["x", "pwt_1_2", "pwt_" + "0" * 32 + "_" + "a" * 43])
def test_a_token_that_is_none_is_refused(db: None, text: str) -> None:  # noqa: ARG001
    assert get("v1/roles", text).status_code == 401


def test_the_last_use_of_a_token_is_noted(tenant: Tenant, token: str) -> None:
    get("v1/roles", token)
    with tenant_scope(tenant.pk):
        assert ApiToken.objects.get().last_used_at is not None


def test_the_bundle_is_served_once_and_then_confirmed(
    released: Tenant, token: str
) -> None:
    path = f"v1/tenants/{released.slug}/bundle"
    first = get(path, token)
    assert first.status_code == 200
    files = unpack_archive(gzip.decompress(first.content))
    assert {".manifest", "data.json", ".signatures.json"} <= files.keys()
    etag = first["ETag"]
    second = get(path, token, **{"If-None-Match": etag})
    assert (second.status_code, second.content, second["ETag"]) == (304, b"", etag)
    release_of(released, "second")
    assert get(path, token, **{"If-None-Match": etag}).status_code == 200


def test_before_the_first_release_there_is_no_bundle(
    tenant: Tenant, token: str
) -> None:
    answer = get(f"v1/tenants/{tenant.slug}/bundle", token)
    assert answer.status_code == 404
    assert answer.json()["remedy"]


def test_a_list_comes_in_pages(released: Tenant, token: str) -> None:
    for number in range(2):
        release_of(released, f"more-{number}")
    page = get("v1/releases?page_size=2", token).json()
    assert len(page["results"]) == 2
    rest = get(page["next"].partition("/api/")[2], token).json()
    assert len(rest["results"]) == 1


@pytest.mark.parametrize("name", LISTS)
def test_a_list_asks_few_questions_however_long_it_is(
    name: str,
    released: Tenant,  # noqa: ARG001
    token: str,
    django_assert_max_num_queries: Any,
) -> None:
    with django_assert_max_num_queries(16):
        get(f"v1/{name}", token)


def test_the_document_describes_every_route(db: None) -> None:  # noqa: ARG001
    wanted = {"Accept": "application/vnd.oai.openapi+json"}
    document = json.loads(Client().get("/api/schema", headers=wanted).content)
    assert document["openapi"].startswith("3.1")
    assert len(document["paths"]) == len(views())
    for operations in document["paths"].values():
        for operation in operations.values():
            schemes = {name for row in operation["security"] for name in row}
            assert schemes == {"personalToken", "accessToken"}
            assert all(value for row in operation["security"] for value in row.values())
