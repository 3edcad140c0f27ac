"""The pages of releases: to read, to verify, to download."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.bundles import handlers
from apps.bundles.models import Release
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.accounts import MakeUser, SignedInClient, make_user
from tests.factories.bundles import change_state, release_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def auditor(make_user: MakeUser, signed_in_client: SignedInClient) -> Client:
    """Return the client of somebody who may only look."""
    return signed_in_client(make_user("tom", ["auditor"]))


def page(release: Release) -> str:
    return reverse("admin:bundles_release_change", args=[release.pk])


def test_the_list_names_each_release(signing_tenant: Tenant, auditor: Client) -> None:
    release = release_of(signing_tenant, "alice")
    text = auditor.get(reverse("admin:bundles_release_changelist")).text
    assert "Release 1" in text
    assert release.state_digest in text
    assert "Signed" in text


def test_the_number_of_queries_does_not_grow_with_the_list(
    signing_tenant: Tenant,
    auditor: Client,
    django_assert_max_num_queries: Any,  # a fixture of pytest-django
) -> None:
    for name in ("alice", "bob", "carol"):
        release_of(signing_tenant, name)
    with django_assert_max_num_queries(36):
        auditor.get(reverse("admin:bundles_release_changelist"))


def test_the_page_verifies_what_it_shows(
    signing_tenant: Tenant, auditor: Client
) -> None:
    text = auditor.get(page(release_of(signing_tenant, "alice"))).text
    assert "Signatures and digest verified" in text
    assert "principal" in text
    assert "<script>" not in text
    assert " style=" not in text


def test_an_unsigned_release_claims_no_proof(
    signing_tenant: Tenant, auditor: Client
) -> None:
    change_state(signing_tenant, "alice")
    handlers.build(signing_tenant.pk)
    with tenant_scope(signing_tenant.pk):
        release = Release.objects.get()
    text = auditor.get(page(release)).text
    assert "Waiting for signature" in text
    assert "digest verified" not in text


def test_the_download_is_what_nodes_get(
    signing_tenant: Tenant, auditor: Client
) -> None:
    release = release_of(signing_tenant, "alice")
    response = auditor.get(reverse("admin:bundles_release_snapshot", args=[release.pk]))
    assert response.content == bytes(release.snapshot)
    assert response["Content-Disposition"].endswith('"portward-1.tar.gz"')


def test_an_unsigned_release_is_not_handed_out(
    signing_tenant: Tenant, auditor: Client
) -> None:
    change_state(signing_tenant, "alice")
    release_id = handlers.build(signing_tenant.pk)
    response = auditor.get(reverse("admin:bundles_release_snapshot", args=[release_id]))
    assert response.status_code == 404


@pytest.mark.parametrize("name", ["add", "delete"])
def test_nobody_makes_or_removes_a_release_by_hand(
    signing_tenant: Tenant,
    make_user: MakeUser,
    signed_in_client: SignedInClient,
    name: str,
) -> None:
    release = release_of(signing_tenant, "alice")
    admin = signed_in_client(make_user("ada", ["security_admin"]))
    arguments = [release.pk] if name == "delete" else []
    url = reverse(f"admin:bundles_release_{name}", args=arguments)
    assert admin.post(url).status_code == 403


@pytest.mark.parametrize("name", ["bundles_release_change", "bundles_release_snapshot"])
def test_a_member_of_another_tenant_finds_nothing(
    signing_tenant: Tenant,
    other_tenant: Tenant,
    signed_in_client: SignedInClient,
    name: str,
) -> None:
    release = release_of(signing_tenant, "alice")
    mallory = make_user("mallory", ["security_admin"], tenant=other_tenant)
    url = reverse(f"admin:{name}", args=[release.pk])
    assert signed_in_client(mallory).get(url).status_code == 404


def test_an_address_that_names_no_release_is_not_found(
    signing_tenant: Tenant,  # noqa: ARG001
    auditor: Client,
) -> None:
    url = reverse("admin:bundles_release_change", args=["nothing"])
    assert auditor.get(url).status_code == 404
