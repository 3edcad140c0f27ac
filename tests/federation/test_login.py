"""Signing in by a provider: the way there and back, and every check of the answer."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from joserfc import jws
from joserfc.jwk import ECKey

from apps.accounts.models import User
from apps.accounts.services import revoke_membership
from apps.audit.models import AuditEntry
from apps.federation.choices import ClientAuth
from apps.federation.models import FederatedLink, IdentityProvider
from apps.signin.choices import Acr
from apps.signin.models import SignIn
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.accounts import SYSTEM, MakeUser
from tests.federation.conftest import link_person, make_provider
from tests.simulators.provider import CLIENT_ID, SimulatedProvider

pytestmark = pytest.mark.django_db

BASE = "/auth/oidc/acme/sso"


def begin(browser: Client, base: str = BASE, **query: str) -> str:
    answer = browser.get(f"{base}/start?{urlencode(query)}")
    assert answer.status_code == 302, answer.content.decode()
    return str(answer.headers["Location"])


def come_back(browser: Client, parameters: dict[str, str], base: str = BASE) -> Any:
    return browser.get(f"{base}/callback?{urlencode(parameters)}")


def sign_in(
    browser: Client, idp: SimulatedProvider, subject: str = "ada-at-idp"
) -> Any:
    return come_back(browser, idp.authorize(begin(browser), subject))


def refusal(answer: HttpResponse) -> str:
    text = answer.content.decode()
    assert answer.status_code >= 400
    return text.partition("(federation.")[2].partition(")")[0]


def test_a_linked_person_is_let_in(
    browser: Client, idp: SimulatedProvider, linked: FederatedLink
) -> None:
    answer = sign_in(browser, idp)
    assert answer.status_code == 302
    row = SignIn.objects.get()
    assert (row.user, row.provider) == (linked.user, "acme/sso")
    assert (row.provider_subject, row.provider_session) == ("ada-at-idp", "session-1")
    assert row.level is Acr.SINGLE


def test_the_question_carries_everything_that_ties_the_answer_to_it(
    browser: Client, provider: IdentityProvider
) -> None:
    sent = parse_qs(urlsplit(begin(browser)).query)
    assert sent["response_type"] == ["code"]
    assert sent["code_challenge_method"] == ["S256"]
    assert sent["redirect_uri"] == [f"http://localhost{BASE}/callback"]
    assert sent["client_id"] == [provider.client_id]
    assert all(len(sent[name][0]) >= 43 for name in ("state", "nonce"))
    assert len(sent["code_challenge"][0]) == 43


@pytest.mark.usefixtures("linked")
def test_the_session_at_the_provider_is_not_yet_one_of_the_console(
    browser: Client, idp: SimulatedProvider
) -> None:
    sign_in(browser, idp)
    assert "/auth/operations/" in browser.get("/admin/").headers["Location"]


def test_a_mapped_level_opens_the_console(
    browser: Client, idp: SimulatedProvider, linked: FederatedLink
) -> None:
    change(linked.provider, acr_map={"urn:idp:two": "mfa"})
    idp.claims = {"acr": "urn:idp:two"}
    sign_in(browser, idp)
    assert SignIn.objects.get().level is Acr.MULTI
    assert browser.get("/admin/").status_code == 200


def test_an_unmapped_level_counts_as_one_factor(
    browser: Client, idp: SimulatedProvider, linked: FederatedLink
) -> None:
    change(linked.provider, acr_map={"urn:idp:other": "mfa"})
    idp.claims = {"acr": "urn:idp:two"}
    sign_in(browser, idp)
    assert SignIn.objects.get().level is Acr.SINGLE


def change(provider: IdentityProvider, **columns: Any) -> None:
    with tenant_scope(provider.tenant_id):
        IdentityProvider.objects.filter(pk=provider.pk).update(**columns)


NOW_IS_PAST = 10**9
FAR = 10**10
CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"iss": "http://127.0.0.1:1"}, "wrong_issuer"),
    "issuer with a slash more": ({"iss": "SLASH"}, "wrong_issuer"),
    "another audience": ({"aud": "somebody"}, "wrong_audience"),
    "no audience": ({"aud": None}, "wrong_audience"),
    "several audiences, no azp": ({"aud": ["portward", "b"]}, "wrong_audience"),
    "another azp": ({"azp": "b"}, "wrong_audience"),
    "another nonce": ({"nonce": "else"}, "wrong_nonce"),
    "no nonce": ({"nonce": None}, "wrong_nonce"),
    "expired": ({"exp": NOW_IS_PAST}, "token_expired"),
    "no expiry": ({"exp": None}, "token_malformed"),
    "issued in the future": ({"iat": FAR}, "token_from_future"),
    "not valid yet": ({"nbf": FAR}, "token_from_future"),
    "another access token's hash": ({"at_hash": "AAAA"}, "access_token_hash"),
    "no subject": ({"sub": None}, "token_malformed"),
    "an unlinked subject": ({"sub": "eve-at-idp"}, "not_linked"),
}


@pytest.mark.parametrize("case", CLAIMS)
def test_a_claim_that_is_not_what_it_must_be_lets_nobody_in(
    browser: Client, idp: SimulatedProvider, linked: FederatedLink, case: str
) -> None:
    changes, code = CLAIMS[case]
    idp.claims = {
        k: idp.issuer + "/" if v == "SLASH" else v for k, v in changes.items()
    }
    assert refusal(sign_in(browser, idp)) == code
    assert not SignIn.objects.exists()
    with tenant_scope(linked.tenant_id):
        entry = AuditEntry.objects.get(action="federation.sign_in_refused")
    assert entry.context["code"] == f"federation.{code}"


HEADERS: dict[str, tuple[dict[str, Any], str]] = {
    "no signature": ({"alg": "none"}, "algorithm_refused"),
    "the public key as a secret": ({"alg": "HS256"}, "algorithm_refused"),
    "an unknown key": ({"kid": "other"}, "unknown_key"),
    "another key's name": ({"alg": "RS256", "kid": "ec-1"}, "unknown_key"),
    "a critical header": ({"crit": ["x"], "x": 1}, "algorithm_refused"),
}


@pytest.mark.parametrize("case", HEADERS)
@pytest.mark.usefixtures("linked")
def test_a_header_that_is_not_what_it_must_be_lets_nobody_in(
    browser: Client, idp: SimulatedProvider, case: str
) -> None:
    idp.header, code = HEADERS[case]
    assert refusal(sign_in(browser, idp)) == code


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
@pytest.mark.usefixtures("linked")
def test_each_accepted_algorithm_signs_in(
    browser: Client, idp: SimulatedProvider, algorithm: str
) -> None:
    idp.algorithm = algorithm
    assert sign_in(browser, idp).status_code == 302


@pytest.mark.usefixtures("linked")
def test_another_key_under_the_known_name_is_refused(
    browser: Client, idp: SimulatedProvider
) -> None:
    idp.signing_key = ECKey.generate_key("P-256", {"kid": "ec-1"})
    assert refusal(sign_in(browser, idp)) == "signature_refused"


@pytest.mark.usefixtures("linked")
def test_a_new_key_of_the_provider_is_found(
    browser: Client, idp: SimulatedProvider
) -> None:
    sign_in(browser, idp)
    idp.keys = {"EC": ECKey.generate_key("P-256", {"kid": "ec-2"})}
    with time_machine.travel(dt.timedelta(minutes=2)):
        assert sign_in(Client(), idp).status_code == 302


@pytest.mark.usefixtures("linked")
def test_an_answer_serves_once(browser: Client, idp: SimulatedProvider) -> None:
    parameters = idp.authorize(begin(browser))
    idp.grants["again"] = idp.grants[parameters["code"]]
    idp.claims = {"sub": "eve-at-idp"}
    come_back(browser, parameters)
    idp.claims = {}
    answer = come_back(browser, {**parameters, "code": "again"})
    assert refusal(answer) == "state_refused"


@pytest.mark.usefixtures("linked")
def test_another_browser_cannot_bring_the_answer(
    browser: Client, idp: SimulatedProvider
) -> None:
    parameters = idp.authorize(begin(browser))
    other = Client()
    begin(other)
    assert refusal(come_back(other, parameters)) == "state_refused"


@pytest.mark.usefixtures("linked")
def test_an_answer_without_its_state_is_refused(
    browser: Client, idp: SimulatedProvider
) -> None:
    parameters = idp.authorize(begin(browser)) | {"state": "another"}
    assert refusal(come_back(browser, parameters)) == "state_refused"


@pytest.mark.usefixtures("linked")
def test_an_answer_after_ten_minutes_is_refused(
    browser: Client, idp: SimulatedProvider
) -> None:
    parameters = idp.authorize(begin(browser))
    with time_machine.travel(dt.timedelta(minutes=10, seconds=1)):
        assert refusal(come_back(browser, parameters)) == "state_refused"


@pytest.mark.usefixtures("linked")
def test_an_answer_at_another_providers_address_is_refused(
    browser: Client, idp: SimulatedProvider, tenant: Tenant
) -> None:
    with tenant_scope(tenant.pk):
        row = IdentityProvider.objects.get()
        row.pk, row.slug, row.client_id, row._state.adding = None, "two", "b", True
        row.pk = uuid.uuid4()
        row.save()
    parameters = idp.authorize(begin(browser))
    answer = come_back(browser, parameters, base="/auth/oidc/acme/two")
    assert refusal(answer) == "state_refused"


@pytest.mark.parametrize("sent", ["http://127.0.0.1:1", None])
@pytest.mark.usefixtures("linked")
def test_an_announced_issuer_in_the_answer_must_be_the_one_asked(
    browser: Client, idp: SimulatedProvider, sent: str | None
) -> None:
    parameters = idp.authorize(begin(browser))
    parameters.pop("iss")
    if sent:
        parameters["iss"] = sent
    assert refusal(come_back(browser, parameters)) == "answer_issuer"


def test_a_provider_that_announces_no_issuer_need_not_send_one(
    browser: Client, idp: SimulatedProvider, tenant: Tenant, ada: User
) -> None:
    idp.document = {"authorization_response_iss_parameter_supported": None}
    link_person(make_provider(tenant, idp.issuer), ada)
    parameters = idp.authorize(begin(browser))
    parameters.pop("iss")
    assert come_back(browser, parameters).status_code == 302


@pytest.mark.usefixtures("linked")
def test_a_code_that_the_provider_does_not_know_lets_nobody_in(
    browser: Client, idp: SimulatedProvider
) -> None:
    parameters = idp.authorize(begin(browser)) | {"code": "guessed"}
    answer = come_back(browser, parameters)
    assert refusal(answer) == "exchange_refused"
    assert "invalid_grant" in answer.content.decode()


def test_a_person_who_was_switched_off_is_not_let_in(
    browser: Client, idp: SimulatedProvider, linked: FederatedLink
) -> None:
    User.objects.filter(pk=linked.user_id).update(is_active=False)
    assert refusal(sign_in(browser, idp)) == "person_inactive"


def test_a_person_who_left_the_tenant_is_not_let_in(
    browser: Client,
    idp: SimulatedProvider,
    linked: FederatedLink,
    make_user: MakeUser,
) -> None:
    make_user("bob", ["security_admin"])
    with tenant_scope(linked.tenant_id):
        revoke_membership(actor=SYSTEM, user=linked.user)
    assert refusal(sign_in(browser, idp)) == "no_membership"


def test_a_suspended_provider_signs_nobody_in(
    browser: Client, idp: SimulatedProvider, linked: FederatedLink
) -> None:
    parameters = idp.authorize(begin(browser))
    change(linked.provider, state="suspended")
    assert refusal(come_back(browser, parameters)) == "provider_not_found"
    assert browser.get(f"{BASE}/start").status_code == 404


@pytest.mark.parametrize(
    ("auth_time", "code"), [(NOW_IS_PAST, "stale"), (None, "stale")]
)
def test_a_proof_older_than_asked_is_refused(
    browser: Client,
    idp: SimulatedProvider,
    linked: FederatedLink,
    auth_time: int | None,
    code: str,
) -> None:
    change(linked.provider, max_age=300)
    idp.claims = {"auth_time": auth_time}
    assert refusal(sign_in(browser, idp)) == f"authentication_{code}"


def test_a_fresh_enough_proof_is_accepted(
    browser: Client, idp: SimulatedProvider, linked: FederatedLink
) -> None:
    change(linked.provider, max_age=300, acr_values="urn:idp:two")
    sent = parse_qs(urlsplit(begin(browser)).query)
    assert (sent["max_age"], sent["acr_values"]) == (["300"], ["urn:idp:two"])
    assert sign_in(browser, idp).status_code == 302


@pytest.mark.usefixtures("linked")
def test_the_word_of_the_provider_that_it_refused_is_passed_on(
    browser: Client, idp: SimulatedProvider
) -> None:
    parameters = idp.authorize(begin(browser)) | {"error": "access_denied"}
    answer = come_back(browser, parameters)
    assert refusal(answer) == "provider_refused"
    assert "said no" in answer.content.decode()


def test_the_portal_signs_in_to_the_provider_with_its_key(
    browser: Client, idp: SimulatedProvider, tenant: Tenant, ada: User
) -> None:
    provider = make_provider(tenant, idp.issuer, client_auth=ClientAuth.PRIVATE_KEY)
    link_person(provider, ada)
    assert sign_in(browser, idp).status_code == 302
    (form,) = [form for path, _headers, form in idp.requests if path == "/token"]
    published = browser.get(f"{BASE}/keys").json()["keys"]
    signed = jws.deserialize_compact(
        form["client_assertion"], ECKey.import_key(published[0]), ["ES256"]
    )
    claims = json.loads(signed.payload)
    assert (claims["iss"], claims["sub"]) == (CLIENT_ID, CLIENT_ID)
    assert claims["aud"] == idp.issuer
    assert "client_secret" not in form
    assert "d" not in published[0]


def test_the_client_secret_goes_to_the_provider_and_is_not_kept_readable(
    browser: Client, idp: SimulatedProvider, linked: FederatedLink
) -> None:
    sign_in(browser, idp)
    (headers,) = [h for path, h, _form in idp.requests if path == "/token"]
    assert headers["Authorization"] == "Basic cG9ydHdhcmQ6czNjcmV0"
    with tenant_scope(linked.tenant_id):
        sealed = bytes(IdentityProvider.objects.get().sealed_secret)
    assert b"s3cret" not in sealed
