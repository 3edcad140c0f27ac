"""A provider ends sessions: each check of its logout token, and what it ends."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client

from apps.audit.models import AuditEntry
from apps.federation.models import FederatedLink
from apps.signin.models import SignIn
from apps.tenants.services import tenant_scope
from tests.factories.accounts import MakeUser
from tests.federation.conftest import link_person
from tests.federation.test_login import BASE, sign_in
from tests.simulators.provider import SimulatedProvider

pytestmark = pytest.mark.django_db

EVENT = "http://schemas.openid.net/event/backchannel-logout"


def log_out(token: str, base: str = BASE) -> Any:
    return Client(enforce_csrf_checks=True).post(
        f"{base}/backchannel-logout", {"logout_token": token}
    )


@pytest.fixture
def signed_in(
    browser: Client, idp: SimulatedProvider, linked: FederatedLink
) -> FederatedLink:
    assert sign_in(browser, idp).status_code == 302
    return linked


def is_alive() -> bool:
    return SignIn.objects.get().ended_at is None


@pytest.mark.usefixtures("signed_in")
def test_a_logout_token_ends_the_session_at_once(
    browser: Client, idp: SimulatedProvider
) -> None:
    answer = log_out(idp.logout_token())
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert SignIn.objects.get().end_reason == "provider"
    assert "/admin/login/" in browser.get("/admin/").headers["Location"]


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize("missing", ["sub", "sid"])
def test_a_session_or_a_subject_alone_is_enough(
    idp: SimulatedProvider, missing: str
) -> None:
    assert log_out(idp.logout_token(**{missing: None})).status_code == 200
    assert not is_alive()


def test_the_logout_is_in_the_audit_log(
    idp: SimulatedProvider, signed_in: FederatedLink
) -> None:
    log_out(idp.logout_token())
    with tenant_scope(signed_in.tenant_id):
        entry = AuditEntry.objects.get(action="federation.logout_received")
    assert entry.context == {"subject": "ada-at-idp", "sessions": 1}


CHANGES: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "http://127.0.0.1:1"},
    "another audience": {"aud": "somebody"},
    "no audience": {"aud": None},
    "no identifier": {"jti": None},
    "no event": {"events": None},
    "another event": {"events": {"http://example.org/event": {}}},
    "an event that is no object": {"events": {EVENT: "yes"}},
    "a nonce": {"nonce": "n"},
    "expired": {"exp": 10**9},
    "no expiry": {"exp": None},
    "issued in the future": {"iat": 10**10},
    "issued long ago": {"iat": int(time.time()) - 3600},
    "nobody": {"sub": None, "sid": None},
}
HEADERS: dict[str, dict[str, Any]] = {
    "no signature": {"alg": "none"},
    "the public key as a secret": {"alg": "HS256"},
    "an unknown key": {"kid": "other"},
    "another type": {"typ": "at+jwt"},
}


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize("case", CHANGES)
def test_a_claim_that_is_not_what_it_must_be_ends_nothing(
    idp: SimulatedProvider, case: str
) -> None:
    assert_refused(log_out(idp.logout_token(**CHANGES[case])))


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize("case", HEADERS)
def test_a_header_that_is_not_what_it_must_be_ends_nothing(
    idp: SimulatedProvider, case: str
) -> None:
    assert_refused(log_out(idp.logout_token(header=HEADERS[case])))


@pytest.mark.usefixtures("signed_in")
def test_an_id_token_is_no_logout_token(idp: SimulatedProvider) -> None:
    now = int(time.time())
    claims = {
        "iss": idp.issuer,
        "aud": "portward",
        "iat": now,
        "exp": now + 60,
        "sub": "ada-at-idp",
        "sid": "session-1",
    }
    assert_refused(log_out(idp.sign(claims, header={})))


def assert_refused(answer: Any) -> None:
    assert answer.status_code == 400
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["error"] == "invalid_request"
    assert is_alive()


@pytest.mark.usefixtures("signed_in")
def test_a_logout_token_serves_once(idp: SimulatedProvider) -> None:
    token = idp.logout_token()
    assert log_out(token).status_code == 200
    SignIn.objects.update(ended_at=None, end_reason="")
    assert_refused(log_out(token))


@pytest.mark.usefixtures("signed_in")
def test_another_session_of_the_person_goes_on(idp: SimulatedProvider) -> None:
    assert log_out(idp.logout_token(sid="session-2")).status_code == 200
    assert is_alive()


def test_another_persons_session_goes_on(
    idp: SimulatedProvider, signed_in: FederatedLink, make_user: MakeUser
) -> None:
    link_person(signed_in.provider, make_user("bob", ["auditor"]), "bob-at-idp")
    assert log_out(idp.logout_token(sub="bob-at-idp")).status_code == 200
    assert is_alive()


@pytest.mark.usefixtures("signed_in")
def test_an_unknown_provider_ends_nothing(idp: SimulatedProvider) -> None:
    assert_refused(log_out(idp.logout_token(), base="/auth/oidc/acme/none"))


@pytest.mark.usefixtures("signed_in")
def test_signing_out_offers_to_sign_out_at_the_provider(
    browser: Client, idp: SimulatedProvider
) -> None:
    answer = browser.post("/admin/logout/", follow=True)
    assert f"{idp.issuer}/logout?client_id=portward" in answer.content.decode()
    assert not is_alive()
