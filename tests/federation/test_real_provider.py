"""Signing in by a ready-made OpenID provider that knows nothing of us."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.test import Client

from apps.accounts.models import User
from apps.federation import adapters
from apps.federation.models import FederatedLink, IdentityProvider
from apps.signin.models import SignIn
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.federation.conftest import link_person, make_provider

with warnings.catch_warnings():
    # It still uses a module of Authlib that is on its way out.
    warnings.simplefilter("ignore")
    import oidc_provider_mock

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """Serve the provider on a free port."""
    with oidc_provider_mock.run_server_in_thread(require_nonce=True) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
def known(tenant: Tenant, issuer: str, ada: User) -> FederatedLink:
    """Return the link of a person with an account at the provider."""
    return link_person(make_provider(tenant, issuer), ada, "ada@example.com")


def sign_in(browser: Client, subject: str) -> Any:
    """Go to the provider, sign in there as a person would, and come back."""
    to = browser.get("/auth/oidc/acme/sso/start").headers["Location"]
    back = httpx.post(to, data={"sub": subject}).headers["Location"]
    assert "code=" in back, back
    return browser.get(back.removeprefix("http://localhost"))


def test_a_linked_person_signs_in(browser: Client, known: FederatedLink) -> None:
    assert sign_in(browser, "ada@example.com").status_code == 302
    row = SignIn.objects.get()
    assert (row.user, row.provider_subject) == (known.user, "ada@example.com")


@pytest.mark.usefixtures("known")
def test_an_account_that_nobody_linked_is_not_let_in(browser: Client) -> None:
    answer = sign_in(browser, "eve@example.com")
    assert answer.status_code == 403
    assert b"federation.not_linked" in answer.content
    assert not SignIn.objects.exists()


def test_groups_in_its_claims_give_roles(
    browser: Client, known: FederatedLink, issuer: str
) -> None:
    claims = {"groups": ["auditors", "approvers"]}
    httpx.put(f"{issuer}/users/ada@example.com", json=claims).raise_for_status()
    with tenant_scope(known.tenant_id):
        IdentityProvider.objects.update(
            group_claim="groups", group_map={"approvers": ["approver"]}
        )
    sign_in(browser, "ada@example.com")
    with tenant_scope(known.tenant_id):
        (roles,) = known.user.memberships.values_list("roles", flat=True)
    assert roles == ["approver", "auditor"]


def test_discovery_finds_its_addresses(issuer: str) -> None:
    found = adapters.discover(issuer, client_auth="client_secret_basic")
    assert found["token_endpoint"] == f"{issuer}/oauth2/token"
    assert len(adapters.fetch_keys(found)["keys"]) == 1


@pytest.mark.usefixtures("known")
def test_the_challenge_is_sent_along(browser: Client) -> None:
    to = browser.get("/auth/oidc/acme/sso/start").headers["Location"]
    assert parse_qs(urlsplit(to).query)["code_challenge_method"] == ["S256"]
