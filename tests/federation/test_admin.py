"""Pages where providers are added, tried, mapped and suspended."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.audit.models import AuditEntry
from apps.federation.models import FederatedLink, IdentityProvider
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.accounts import MakeUser, SignedInClient
from tests.federation.test_login import change, sign_in
from tests.simulators.provider import SimulatedProvider

pytestmark = pytest.mark.django_db

LIST = "/admin/federation/identityprovider/"


@pytest.fixture
def console(make_user: MakeUser, signed_in_client: SignedInClient) -> Client:
    return signed_in_client(make_user("root", ["security_admin"]))


def values(idp: SimulatedProvider, **changes: str) -> dict[str, str]:
    return {
        "name": "Acme SSO",
        "slug": "sso",
        "issuer": idp.issuer,
        "client_id": "portward",
        "client_auth": "client_secret_post",
        "secret": "very-secret-value",
        "scopes": "openid groups",
        **changes,
    }


def only(tenant: Tenant) -> IdentityProvider:
    with tenant_scope(tenant.pk):
        return IdentityProvider.objects.get()


def test_a_provider_is_tried_before_it_is_added(
    console: Client, idp: SimulatedProvider, tenant: Tenant
) -> None:
    page = console.post(f"{LIST}add/", values(idp, test="1")).content.decode()
    assert "Discovery works" in page
    assert f"{idp.issuer}/token" in page
    with tenant_scope(tenant.pk):
        assert not IdentityProvider.objects.exists()


def test_an_added_provider_shows_what_to_enter_there_and_no_secret(
    console: Client, idp: SimulatedProvider, tenant: Tenant
) -> None:
    answer = console.post(f"{LIST}add/", values(idp), follow=True)
    page = answer.content.decode()
    assert "http://localhost/auth/oidc/acme/sso/callback" in page
    assert "very-secret-value" not in page
    with tenant_scope(tenant.pk):
        entry = AuditEntry.objects.get(action="federation.provider_created")
    assert "very-secret-value" not in str(entry.content())
    assert only(tenant).metadata["jwks_uri"] == f"{idp.issuer}/jwks"


REFUSED: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "another issuer than it says": (
        {"issuer": "https://x.example"},
        {},
        "calls itself",
    ),
    "no PKCE": ({"code_challenge_methods_supported": ["plain"]}, {}, "S256"),
    "no algorithm of ours": (
        {"id_token_signing_alg_values_supported": ["HS256"]},
        {},
        "id_token_signing_alg_values_supported",
    ),
    "a token endpoint without TLS": (
        {"token_endpoint": "http://idp.example/token"},
        {},
        "token_endpoint cannot be used",
    ),
    "an issuer without TLS": ({}, {"issuer": "http://idp.example"}, "not an https"),
    "no openid": ({}, {"scopes": "profile"}, "openid is needed"),
    "no secret": ({}, {"secret": ""}, "secret is needed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_relied_on_is_refused_beside_the_form(
    console: Client, idp: SimulatedProvider, tenant: Tenant, case: str
) -> None:
    idp.document, changes, words = REFUSED[case]
    page = console.post(f"{LIST}add/", values(idp, **changes)).content.decode()
    assert words in page
    assert 'value="Acme SSO"' in page
    with tenant_scope(tenant.pk):
        assert not IdentityProvider.objects.exists()


def test_a_change_keeps_the_secret_that_was_not_entered(
    console: Client, idp: SimulatedProvider, provider: IdentityProvider
) -> None:
    sealed = bytes(provider.sealed_secret)
    console.post(f"{LIST}{provider.pk}/change/", values(idp, name="New", secret=""))
    row = only(provider.tenant)
    assert (row.name, bytes(row.sealed_secret)) == ("New", sealed)


@pytest.mark.parametrize("field", ["slug", "issuer"])
def test_what_people_are_linked_by_stays(
    console: Client, idp: SimulatedProvider, provider: IdentityProvider, field: str
) -> None:
    other = {"slug": "two", "issuer": idp.issuer.replace("127.0.0.1", "localhost")}
    idp.document = {"issuer": other["issuer"]} if field == "issuer" else {}
    sent = values(idp, **{field: other[field]})
    page = console.post(f"{LIST}{provider.pk}/change/", sent)
    assert "stays." in page.content.decode()


def mapping(**changes: str) -> dict[str, str]:
    return {
        "acr_map": "urn:idp:two = mfa",
        "amr_map": "",
        "group_claim": "groups",
        "group_map": "CN=approvers,DC=acme = approver",
        "sample": "",
        **changes,
    }


def test_a_preview_says_what_claims_are_worth_and_changes_nothing(
    console: Client, provider: IdentityProvider
) -> None:
    sample = '{"acr": "urn:idp:two", "groups": ["CN=approvers,DC=acme", "x"]}'
    address = f"{LIST}{provider.pk}/mapping/"
    answer = console.post(address, mapping(sample=sample, preview="1"))
    preview = answer.context["preview"]
    assert (preview.level, preview.roles) == ("Two factors", ("approver",))
    assert only(provider.tenant).group_map == {}


def test_a_preview_says_what_would_change_for_whom(
    console: Client, idp: SimulatedProvider, linked: FederatedLink
) -> None:
    idp.claims = {"groups": ["CN=approvers,DC=acme"]}
    sign_in(Client(), idp)
    address = f"{LIST}{linked.provider.pk}/mapping/"
    (line,) = console.post(address, mapping(preview="1")).context["preview"].people
    assert (line.person, line.before) == ("Ada", ("auditor",))
    assert (line.after, line.is_change) == (("approver", "auditor"), True)


def test_a_saved_mapping_counts_from_the_next_sign_in_on(
    console: Client, provider: IdentityProvider
) -> None:
    console.post(f"{LIST}{provider.pk}/mapping/", mapping())
    row = only(provider.tenant)
    assert row.acr_map == {"urn:idp:two": "mfa"}
    assert row.group_map == {"CN=approvers,DC=acme": ["approver"]}


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("acr_map", "urn:x = phrh", "is not a level"),
        ("acr_map", "urn:x", "not of the form"),
        ("group_map", "g = owner", "no role “owner”"),
        ("group_map", "g = auditor\ng = approver", "mapped already"),
        ("sample", "[1]", "JSON object"),
        ("sample", "{", "not JSON"),
    ],
)
def test_a_mapping_that_means_nothing_is_refused(
    console: Client, provider: IdentityProvider, field: str, text: str, words: str
) -> None:
    address = f"{LIST}{provider.pk}/mapping/"
    page = console.post(address, mapping(**{field: text})).content.decode()
    assert words in page
    assert only(provider.tenant).acr_map == {}


def test_suspending_and_resuming(console: Client, provider: IdentityProvider) -> None:
    console.post(f"{LIST}{provider.pk}/suspend/")
    assert only(provider.tenant).state == "suspended"
    console.post(f"{LIST}{provider.pk}/resume/")
    assert only(provider.tenant).state == "active"


def test_an_admin_unlinks_a_person(console: Client, linked: FederatedLink) -> None:
    console.post(f"{LIST}{linked.provider.pk}/links/{linked.pk}/unlink/")
    with tenant_scope(linked.tenant_id):
        assert not FederatedLink.objects.exists()


def test_an_approver_reads_but_changes_nothing(
    provider: IdentityProvider, make_user: MakeUser, signed_in_client: SignedInClient
) -> None:
    approver = signed_in_client(make_user("ann", ["approver"]))
    assert approver.get(f"{LIST}{provider.pk}/change/").status_code == 200
    assert approver.get(f"{LIST}{provider.pk}/mapping/").status_code == 200
    for act in ("change", "mapping", "suspend"):
        address = f"{LIST}{provider.pk}/{act}/"
        assert approver.post(address, mapping()).status_code == 403
    change(provider, name="Same")
    assert only(provider.tenant).name == "Same"
