"""Exports of a release: pages, files and REST."""

from __future__ import annotations

import html
import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import pytest
import yaml
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from apps.bundles.models import Release
from apps.tenants.models import Tenant
from engine.calendar import window_condition
from engine.cedar import condition_text
from engine.places import location_condition
from protocol.records import (
    AssignmentRecord,
    EntityRef,
    Head,
    LocationRecord,
    Obligation,
)
from tests.engine.builders import policy, principal, resource, role
from tests.engine.worlds import MORNINGS
from tests.factories.accounts import MakeUser, SignedInClient
from tests.factories.clients import token_of
from tests.factories.worlds import sign_release

pytestmark = pytest.mark.django_db
CHECKOUT = EntityRef("Service", "spiffe://acme.example/ns/shop/sa/checkout")
RECORDS = [
    principal(CHECKOUT),
    resource(EntityRef("Endpoint", "payment-service"), namespace="payments"),
    resource(EntityRef("Namespace", "shop")),
    policy(
        "charges",
        principal=Head("==", "Service", CHECKOUT.id),
        action=Head("==", id="POST"),
        resource=Head("is", "Endpoint"),
        when=(condition_text("path", "==", "/process-payment"),),
    ),
    policy(
        "steps-up",
        action=Head("==", id="GET"),
        resource=Head("is", "Endpoint"),
        when=(condition_text("mfa", ">=", 2),),
    ),
]


@pytest.fixture
def release(tenant: Tenant) -> Release:
    return sign_release(tenant, RECORDS)


@pytest.fixture
def auditor(make_user: MakeUser, signed_in_client: SignedInClient) -> Client:
    return signed_in_client(make_user("audrey", ["auditor"]))


def test_the_page_says_what_is_covered_and_what_is_not(
    auditor: Client, release: Release
) -> None:
    page = auditor.get(reverse("dashboard:exports"))
    found = page.context["export"]
    assert (found.covered, found.statements) == (1, 2)
    text = page.content.decode()
    assert "mfa is not known there" in text
    assert "acme.example/ns/shop/sa/checkout" in text
    assert release.state_digest in text


@pytest.mark.usefixtures("tenant")
def test_a_tenant_without_a_release_is_told_so(auditor: Client) -> None:
    assert "Nothing to export yet" in auditor.get("/admin/exports/").content.decode()


@pytest.mark.parametrize(
    "query", [{"release": "99"}, {"release": "x"}, {"target": "envoy"}]
)
@pytest.mark.usefixtures("release")
def test_what_there_is_not_is_not_found(auditor: Client, query: dict[str, str]) -> None:
    assert auditor.get(reverse("dashboard:exports"), query).status_code == 404


def test_a_file_names_its_release_and_digest(auditor: Client, release: Release) -> None:
    address = reverse("dashboard:export-file", args=[1, "istio", "manifests.yaml"])
    text = auditor.get(address).content.decode()
    assert "release 1" in text.splitlines()[0]
    assert text.splitlines()[1] == f"# {release.state_digest}"
    kinds = {document["kind"] for document in yaml.safe_load_all(text)}
    assert kinds == {"AuthorizationPolicy"}
    assert "&id" not in text


@pytest.mark.usefixtures("release")
def test_an_archive_is_the_same_to_the_bit(auditor: Client) -> None:
    address = reverse("dashboard:export-file", args=[1, "opa", "all.zip"])
    first, again = (auditor.get(address).content for _ in range(2))
    assert first == again
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.namelist() == ["policy.rego", "data.json"]
        data = json.loads(archive.read("data.json"))
    assert data["portward"]["release"]["revision"] == 1


@pytest.mark.parametrize("name", ["x", "../manifests.yaml", "policy.rego"])
@pytest.mark.usefixtures("release")
def test_no_other_file_is_given(auditor: Client, name: str) -> None:
    assert auditor.get(f"/admin/exports/1/istio/{name}").status_code == 404


@pytest.mark.usefixtures("release")
def test_more_findings_cost_no_more_queries(
    auditor: Client,
    tenant: Tenant,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    more = [
        policy(f"m{n}", resource=Head("is", "Endpoint"), when=("context.mfa > 1",))
        for n in range(30)
    ]
    sign_release(tenant, [*RECORDS, *more])
    with django_assert_max_num_queries(60):
        assert auditor.get("/admin/exports/?target=istio").status_code == 200


def test_programs_get_the_same_with_an_entity_tag(
    make_user: MakeUser, tenant: Tenant, client: Client, release: Release
) -> None:
    held = {
        "Authorization": f"Bearer {token_of(tenant, make_user('ann', ['auditor']))}"
    }
    first = client.get("/api/v1/exports/kubernetes", headers=held)
    assert first.status_code == 200, first.content
    found = first.json()
    assert found["state_digest"] == release.state_digest
    assert [file["name"] for file in found["files"]] == [
        "manifests.yaml",
        "unsupported.json",
    ]
    held["If-None-Match"] = first["ETag"]
    assert client.get("/api/v1/exports/kubernetes", headers=held).status_code == 304
    again = client.get("/api/v1/exports/opa", headers=held)
    assert again.status_code == 200
    assert client.get("/api/v1/exports/envoy", headers=held).status_code == 404
    wrong = client.get("/api/v1/exports/istio?release=9", headers=held)
    assert wrong.status_code == 404


GET, READ = Head("==", id="GET"), Head("==", id="read")
MINE = Head("==", "Service", CHECKOUT.id)
IPV6 = LocationRecord("six", "Six", ("2001:db8::/33",))
FEATURES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, str]]] = {
    "obligations": (
        {},
        {"obligations": (Obligation("mfa", level=2),)},
        {"istio": "asks for obligations", "kubernetes": "asks for obligations"},
    ),
    "interval": (
        {},
        {"effective_until": "2027-01-01T00:00:00Z"},
        {"istio": "counts for a time only", "kubernetes": "counts for a time only"},
    ),
    "calendar": (
        {"when": (window_condition(MORNINGS),)},
        {},
        {"istio": "depends on the time", "kubernetes": "depends on the time"},
    ),
    "addresses": (
        {"when": (location_condition(IPV6, unknown_matches=False),)},
        {},
        {"kubernetes": "ip is not known there"},
    ),
    "expert": (
        {"when": ("principal.level * 2 > 3",)},
        {},
        {
            "istio": "may end with an error",
            "kubernetes": "rights there can only be added",
            "opa": "is not translated",
        },
    ),
    "elevation": (
        {"principal": Head("in", "Role", "lead")},
        {},
        {"istio": "for a time or not alone", "kubernetes": "for a time or not alone"},
    ),
    "forbid": (
        {"effect": "forbid", "when": (condition_text("risk", ">", 50),)},
        {},
        {"istio": "risk is not known", "kubernetes": "rights there can only be added"},
    ),
}


@pytest.mark.parametrize("feature", FEATURES)
def test_page_and_program_name_the_reason_for_what_is_not_expressed(
    feature: str, auditor: Client, make_user: MakeUser, tenant: Tenant
) -> None:
    said, more, reasons = FEATURES[feature]
    principals = {"principal": MINE}
    rules = [
        replace(policy("mesh", **{**principals, "action": GET, **said}), **more),
        replace(policy("cluster", **{**principals, "action": READ, **said}), **more),
        policy("plain", principal=MINE, action=READ),
    ]
    end = "2026-12-01T00:00:00Z"
    lent = AssignmentRecord("a", CHECKOUT, "lead", None, None, end, "elevation")
    sign_release(tenant, [*RECORDS[:3], role("lead"), MORNINGS, IPV6, lent, *rules])
    held = {
        "Authorization": f"Bearer {token_of(tenant, make_user('ann', ['auditor']))}"
    }
    for target in ("istio", "kubernetes", "opa"):
        found = auditor.get(f"/api/v1/exports/{target}", headers=held).json()
        listed = {
            one["reason"]
            for one in found["unsupported"]
            if one["policy"] in {"mesh", "cluster"} and one["instead"]
        }
        page = auditor.get("/admin/exports/", {"target": target}).text
        if target in reasons:
            (reason,) = {one for one in listed if reasons[target] in one} or {""}
            assert reasons[target] in reason, listed
            assert reason in html.unescape(page)
        elif target == "opa":
            assert found["unsupported"] == []


def test_statements_about_other_things_are_counted(
    auditor: Client, make_user: MakeUser, tenant: Tenant
) -> None:
    there = policy("nodes", resource=Head("is", "Node"))
    sign_release(tenant, [*RECORDS, there])
    held = {
        "Authorization": f"Bearer {token_of(tenant, make_user('ann', ['auditor']))}"
    }
    found = auditor.get("/api/v1/exports/istio", headers=held).json()
    assert found["elsewhere"] == ["nodes#0"]
    page = auditor.get("/admin/exports/", {"target": "istio"}).text
    assert "1 more statement does not concern Istio" in page
