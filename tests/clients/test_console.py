"""Clients and tokens in the console: registered, changed, ended, and by whom."""

from __future__ import annotations

import re
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client

from apps.accounts.models import ApiToken
from apps.audit.models import AuditEntry
from apps.clients.choices import ClientState
from apps.clients.models import ApiClient
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.accounts import MakeUser, SignedInClient
from tests.factories.clients import Program, token_of

LIST = "/admin/clients/apiclient/"
PEM = re.compile(r"-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----")


@pytest.fixture
def admin(make_user: MakeUser, signed_in_client: SignedInClient) -> Client:
    return signed_in_client(make_user("ada", ["security_admin"]))


@pytest.fixture
def auditor(make_user: MakeUser, signed_in_client: SignedInClient) -> Client:
    return signed_in_client(make_user("audrey", ["auditor"]))


def public_pem(private: ec.EllipticCurvePrivateKey) -> str:
    return (
        private.public_key()
        .public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        .decode()
    )


def wanted(**changes: Any) -> dict[str, Any]:
    return {
        "name": "nightly",
        "auth_method": "private_key_jwt",
        "keys": "",
        "certificates": "",
        "scopes": ["roles.read"],
        "networks": "",
        "days": "30",
    } | changes


def only(tenant: Tenant) -> ApiClient:
    with tenant_scope(tenant.pk):
        return ApiClient.objects.get()


def test_a_client_is_registered_with_a_public_key(
    tenant: Tenant, admin: Client
) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    answer = admin.post(f"{LIST}add/", wanted(keys=public_pem(private)))
    assert answer.status_code == 302
    client = only(tenant)
    assert Program(client, private, client.jwks[0]["kid"]).token()


def test_a_key_pair_made_here_is_shown_once_and_works(
    tenant: Tenant, admin: Client
) -> None:
    answer: Any = admin.post(f"{LIST}add/", wanted(make_pair="on"))
    found = PEM.search(answer.content.decode())
    assert found is not None
    assert "no-store" in answer["Cache-Control"]
    private: Any = serialization.load_pem_private_key(found[0].encode(), None)
    client = only(tenant)
    assert Program(client, private, client.jwks[0]["kid"]).token()
    page: Any = admin.get(f"{LIST}{client.pk}/change/")
    assert "PRIVATE KEY" not in page.content.decode()
    with tenant_scope(tenant.pk):
        assert not any("d" in key for key in client.jwks)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Register 1 to 5 keys."),
        ({"keys": "nonsense"}, "neither JSON nor PEM"),
        ({"keys": '{"kty": "oct", "k": "c2VjcmV0"}'}, "private key"),
        ({"keys": '{"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"}'}, "ES256"),
        ({"make_pair": "on", "certificates": "A" * 43}, "Register 1 to 5 keys."),
        ({"make_pair": "on", "networks": "10.1.0.1/16"}, "no network"),
        ({"make_pair": "on", "days": "400"}, "366"),
        ({"make_pair": "on", "scopes": []}, "required"),
        ({"auth_method": "tls_client_auth"}, "Register 1 to 5 certificates."),
        ({"auth_method": "client_secret_basic", "make_pair": "on"}, "valid choice"),
    ],
    ids=lambda value: str(value)[:32],
)
def test_a_description_that_cannot_be_is_refused_beside_the_field(
    tenant: Tenant, admin: Client, changes: dict[str, Any], said: str
) -> None:
    answer: Any = admin.post(f"{LIST}add/", wanted(**changes))
    assert answer.status_code == 200
    text = answer.content.decode()
    assert said in text
    assert "PRIVATE KEY" not in text
    # What was typed is still there.
    assert "nightly" in text
    with tenant_scope(tenant.pk):
        assert not ApiClient.objects.exists()


def test_a_name_is_taken_once(admin: Client, program: Program) -> None:
    answer: Any = admin.post(
        f"{LIST}add/", wanted(make_pair="on", name=program.client.name)
    )
    assert "Another client has this name" in answer.content.decode()


def test_what_a_client_may_do_is_changed(
    tenant: Tenant, admin: Client, program: Program
) -> None:
    page = f"{LIST}{program.client.pk}/change/"
    assert program.client.client_id in admin.get(page).content.decode()
    body = {"name": "ci-2", "scopes": ["nodes.read"], "networks": "", "days": "10"}
    assert admin.post(page, body).status_code == 302
    client = only(tenant)
    assert (client.name, client.scopes) == ("ci-2", ["nodes.read"])


def test_keys_are_replaced_and_the_old_one_ends(
    admin: Client, program: Program
) -> None:
    page = f"{LIST}{program.client.pk}/keys/"
    assert program.kid in admin.get(page).content.decode()
    answer: Any = admin.post(page, {"keys": "", "make_pair": "on"})
    assert PEM.search(answer.content.decode())
    refused: Any = program.ask()
    assert refused.status_code == 401


def test_a_suspended_client_works_again_when_it_is_let(
    tenant: Tenant, admin: Client, program: Program
) -> None:
    page = f"{LIST}{program.client.pk}/state/"
    admin.post(page)
    assert only(tenant).state == ClientState.SUSPENDED
    assert program.ask().status_code == 401
    admin.post(page)
    assert program.ask().status_code == 200


def test_a_deleted_client_is_gone_and_its_trail_stays(
    tenant: Tenant, admin: Client, program: Program
) -> None:
    program.token()
    assert admin.post(f"{LIST}{program.client.pk}/remove/").status_code == 302
    with tenant_scope(tenant.pk):
        assert not ApiClient.objects.exists()
        entry = AuditEntry.objects.get(action="clients.deleted")
    assert entry.after is not None
    assert entry.after["client_id"] == program.client.client_id
    assert entry.actor_name == "ada"


@pytest.mark.parametrize("act", ["keys", "state", "remove"])
def test_who_only_reads_changes_nothing(
    tenant: Tenant, auditor: Client, program: Program, act: str
) -> None:
    assert auditor.get(LIST).status_code == 200
    assert auditor.post(f"{LIST}{program.client.pk}/{act}/").status_code == 403
    assert auditor.get(f"{LIST}add/").status_code == 403
    assert only(tenant).state == ClientState.ACTIVE


def test_a_security_admin_ends_anybodys_token(
    tenant: Tenant, admin: Client, auditor: Client, make_user: MakeUser
) -> None:
    token_of(tenant, make_user("reader", ["auditor"]))
    with tenant_scope(tenant.pk):
        row = ApiToken.objects.get()
    page = f"/admin/accounts/apitoken/{row.pk}"
    assert "Works" in admin.get("/admin/accounts/apitoken/").content.decode()
    assert "Revoke" in admin.get(f"{page}/change/").content.decode()
    assert auditor.post(f"{page}/revoke/").status_code == 403
    assert admin.post(f"{page}/revoke/").status_code == 302
    with tenant_scope(tenant.pk):
        row.refresh_from_db()
    assert row.revoked_at is not None


# One's own tokens


def own(**changes: Any) -> dict[str, Any]:
    return {"name": "x", "days": "30", "scopes": ["roles.read"], "networks": ""} | (
        changes
    )


def test_a_person_makes_a_token_that_remembers_how_they_signed_in(
    tenant: Tenant, auditor: Client
) -> None:
    body = own(networks="127.0.0.0/8\n2001:db8::/32")
    answer: Any = auditor.post("/account/tokens/", body)
    assert b"pwt_" in answer.content
    with tenant_scope(tenant.pk):
        row = ApiToken.objects.get()
    assert (row.acr, row.scopes) == ("phr", ["roles.read"])
    assert "mfa" in row.amr
    assert row.auth_time is not None
    assert row.networks == ["127.0.0.0/8", "2001:db8::/32"]


@pytest.mark.parametrize(
    "changes",
    [
        {"scopes": ["freezes.write"]},
        {"scopes": []},
        {"days": "91"},
        {"days": "0"},
        {"networks": "everywhere"},
        {"name": " "},
    ],
    ids=str,
)
def test_a_token_beyond_ones_rights_is_not_made(
    tenant: Tenant, auditor: Client, changes: dict[str, Any]
) -> None:
    answer: Any = auditor.post("/account/tokens/", own(**changes))
    assert b"pwt_" not in answer.content
    with tenant_scope(tenant.pk):
        assert not ApiToken.objects.exists()
