"""What people see on the way: how their organization signs in, and where they end."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.federation.models import IdentityProvider
from tests.federation.test_login import begin, change, come_back
from tests.simulators.provider import SimulatedProvider

pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("other_tenant")
def test_an_organization_without_providers_looks_like_none(browser: Client) -> None:
    known = browser.get("/auth/oidc/globex/")
    unknown = browser.get("/auth/oidc/nobody/")
    assert known.status_code == unknown.status_code == 200
    assert known.content.replace(b"globex", b"nobody") == unknown.content


def test_an_organization_lists_its_active_providers(
    browser: Client, provider: IdentityProvider
) -> None:
    assert b"Continue with Acme SSO" in browser.get("/auth/oidc/acme/").content
    change(provider, state="suspended")
    assert b"Acme SSO" not in browser.get("/auth/oidc/acme/").content


def test_the_field_on_the_sign_in_page_leads_to_the_organization(
    browser: Client,
) -> None:
    answer = browser.get("/auth/oidc/", {"tenant": "Acme", "next": "/account/"})
    assert answer.headers["Location"] == "/auth/oidc/acme/?next=%2Faccount%2F"


@pytest.mark.usefixtures("linked")
def test_the_way_back_leads_to_the_page_that_was_asked_for(
    browser: Client, idp: SimulatedProvider
) -> None:
    wanted = idp.authorize(begin(browser, next="/account/sessions/"))
    assert come_back(browser, wanted).headers["Location"] == "/account/sessions/"


@pytest.mark.usefixtures("linked")
def test_the_way_back_never_leads_elsewhere(
    browser: Client, idp: SimulatedProvider
) -> None:
    wanted = idp.authorize(begin(browser, next="https://evil.example/"))
    assert come_back(browser, wanted).headers["Location"] == "/admin/"
