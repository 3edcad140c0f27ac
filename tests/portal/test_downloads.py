"""Every link that saves a file: what it is called, what it is, and who gets it."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.bundles.models import Release
from apps.tenants.models import Tenant
from protocol.records import EntityRef, Head
from tests.engine.builders import policy, principal, resource
from tests.factories.accounts import MakeUser, SignedInClient
from tests.factories.worlds import sign_release

pytestmark = pytest.mark.django_db
RECORDS = [
    principal(EntityRef("User", "alice")),
    resource(EntityRef("Endpoint", "ü"), namespace="shop"),
    policy("ä", action=Head("==", id="GET")),
]
TEXT = "; charset=utf-8"
EXPORTS = "/admin/exports/1"
FILES = {
    f"{EXPORTS}/istio/manifests.yaml": (
        "application/yaml",
        "portward-istio-1-manifests.yaml",
    ),
    f"{EXPORTS}/kubernetes/manifests.yaml": (
        "application/yaml",
        "portward-kubernetes-1-manifests.yaml",
    ),
    f"{EXPORTS}/kubernetes/unsupported.json": (
        "application/json",
        "portward-kubernetes-1-unsupported.json",
    ),
    f"{EXPORTS}/opa/policy.rego": (f"text/plain{TEXT}", "portward-opa-1-policy.rego"),
    f"{EXPORTS}/opa/data.json": ("application/json", "portward-opa-1-data.json"),
    f"{EXPORTS}/opa/all.zip": ("application/zip", "portward-opa-1.zip"),
    "/admin/roles/role/export/yaml/": (f"application/yaml{TEXT}", "roles.yaml"),
    "/admin/roles/role/export/json/": (f"application/json{TEXT}", "roles.json"),
    "/admin/bundles/release/{release}/snapshot/": (
        "application/gzip",
        "portward-1.tar.gz",
    ),
}


@pytest.fixture
def release(tenant: Tenant) -> Release:
    return sign_release(tenant, RECORDS)


def place(address: str, release: Release) -> str:
    return address.format(release=release.pk)


@pytest.mark.parametrize("address", FILES)
def test_a_file_is_saved_under_its_name_and_said_to_be_what_it_is(
    address: str,
    release: Release,
    make_user: MakeUser,
    signed_in_client: SignedInClient,
) -> None:
    auditor = signed_in_client(make_user("audrey", ["auditor"]))
    answer = auditor.get(place(address, release))
    kind, name = FILES[address]
    assert answer.status_code == 200
    assert answer["Content-Type"] == kind
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer["Cache-Control"]
    assert answer.content
    if not kind.endswith(("zip", "gzip")):
        assert answer.content.decode("utf-8")


@pytest.mark.parametrize("address", FILES)
def test_whose_session_is_over_is_asked_to_sign_in_and_saves_nothing(
    address: str, release: Release, client: Client
) -> None:
    there = place(address, release)
    answer = client.get(there)
    assert answer.status_code == 302
    assert "Content-Disposition" not in answer
    # After signing in the same link goes on.
    assert answer["Location"].endswith(f"?next={there}")


@pytest.mark.parametrize("address", FILES)
def test_who_may_not_see_it_is_refused_and_saves_nothing(
    address: str,
    release: Release,
    make_user: MakeUser,
    signed_in_client: SignedInClient,
) -> None:
    answer = signed_in_client(make_user("eve")).get(place(address, release))
    assert answer.status_code in {302, 403, 404}
    assert "Content-Disposition" not in answer


@pytest.mark.parametrize("address", FILES)
def test_a_file_is_only_read(
    address: str,
    release: Release,
    make_user: MakeUser,
    signed_in_client: SignedInClient,
) -> None:
    auditor = signed_in_client(make_user("audrey", ["auditor"]))
    answer = auditor.post(place(address, release))
    assert answer.status_code in {403, 405}
    assert "Content-Disposition" not in answer
