"""Access tokens at the API: each attack differs from a good token by one thing."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from django.utils import timezone

from apps.accounts.models import ApiToken, Membership
from apps.accounts.services import TokenProof, revoke_api_token
from apps.clients import services
from apps.clients.choices import ClientState
from apps.clients.models import ApiClient, RevokedToken
from apps.limits.models import Refusal
from apps.roles.api import RoleList
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.clients.conftest import Api
from tests.factories.accounts import MakeUser
from tests.factories.clients import (
    ACTOR,
    Program,
    make_program,
    post,
    read,
    sign,
    sign_as_tenant,
    token_of,
)


def refused(response: Any) -> bool:
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith(
        'Bearer realm="portward", error="invalid_token"'
    )
    assert response["Content-Type"] == "application/problem+json"
    return True


def encode(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_what_the_tenants_key_signs_is_taken(
    tenant: Tenant, program: Program, api: Api
) -> None:
    again = sign_as_tenant(tenant, read(program.token()))
    assert api(again).status_code == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iss", "http://localhost/oauth/globex"),
        ("iss", "http://localhost/oauth/nobody"),
        ("iss", "http://elsewhere/oauth/acme"),
        ("iss", None),
        ("aud", "http://localhost/other"),
        ("aud", ["http://localhost/api", "http://elsewhere"]),
        ("aud", None),
        ("exp", 1),
        ("exp", 1e400),
        ("exp", None),
        ("nbf", 99_999_999_999),
        ("nbf", None),
        ("nbf", 1),
        ("tenant", "00000000-0000-4000-8000-000000000000"),
        ("tenant", None),
        ("jti", None),
        ("jti", "7"),
        ("sub", "somebody"),
        ("client_id", "pwc_unknown"),
        ("client_id", None),
        ("cnf", {}),
        ("cnf", {"x5t#S256": "A" * 43}),
    ],
)
def test_a_claim_that_does_not_hold_is_refused(
    tenant: Tenant, program: Program, api: Api, name: str, value: object
) -> None:
    claims = read(program.token()) | {name: value}
    kept = {key: held for key, held in claims.items() if held is not None}
    assert refused(api(sign_as_tenant(tenant, kept)))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": None},
        {"alg": "none"},
        {"alg": "ES384"},
        {"kid": "another"},
        {"kid": None},
        {"jwk": {"kty": "EC"}},
        {"jku": "http://elsewhere/keys"},
        {"crit": ["exp"]},
    ],
    ids=lambda header: "-".join(f"{k}={v}" for k, v in header.items())[:20],
)
def test_a_header_that_does_not_hold_is_refused(
    tenant: Tenant, program: Program, api: Api, header: dict[str, Any]
) -> None:
    assert refused(api(sign_as_tenant(tenant, read(program.token()), **header)))


def unsigned(_tenant: Tenant, token: str) -> str:
    head = read(token, 0) | {"alg": "none"}
    return f"{encode(head)}.{token.split('.')[1]}."


def signed_with_the_public_key(tenant: Tenant, token: str) -> str:
    keys = Client().get(f"/oauth/{tenant.slug}/jwks").json()["keys"]
    (key,) = (k for k in keys if k["kid"] == read(token, 0)["kid"])
    text = f"{encode(read(token, 0) | {'alg': 'HS256'})}.{token.split('.')[1]}"
    mac = hmac.digest(json.dumps(key).encode(), text.encode(), hashlib.sha256)
    return f"{text}.{urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def signed_by_a_stranger(_tenant: Tenant, token: str) -> str:
    other = ec.generate_private_key(ec.SECP256R1())
    return sign(other, read(token), kid=read(token, 0)["kid"], typ="at+jwt")


def without_signature(_tenant: Tenant, token: str) -> str:
    return token.rpartition(".")[0] + "."


def with_another_scope(_tenant: Tenant, token: str) -> str:
    head, _, signature = token.split(".")
    return f"{head}.{encode(read(token) | {'scope': 'nodes.read'})}.{signature}"


def in_standard_base64(_tenant: Tenant, token: str) -> str:
    return token.replace("-", "+").replace("_", "/") + "="


def far_too_long(_tenant: Tenant, token: str) -> str:
    return token + "A" * 9000


@pytest.mark.parametrize(
    "forge",
    [
        unsigned,
        signed_with_the_public_key,
        signed_by_a_stranger,
        without_signature,
        with_another_scope,
        in_standard_base64,
        far_too_long,
    ],
)
def test_a_forged_token_is_refused(
    tenant: Tenant, program: Program, api: Api, forge: Callable[[Tenant, str], str]
) -> None:
    assert refused(api(forge(tenant, program.token())))


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "é.é.é", "pwt_x", "x" * 40])
def test_what_is_no_token_is_refused(api: Api, text: str) -> None:
    assert api(text).status_code == 401


def test_another_tenants_key_does_not_sign_for_this_one(
    other_tenant: Tenant, program: Program, api: Api
) -> None:
    claims = read(program.token())
    make_program(other_tenant).token()
    assert refused(api(sign_as_tenant(other_tenant, claims)))
    moved = claims | {"iss": "http://localhost/oauth/globex"}
    assert refused(api(sign_as_tenant(other_tenant, moved)))
    whole = moved | {"tenant": str(other_tenant.pk)}
    # Even a token that its own tenant signed does not carry a foreign client.
    assert refused(api(sign_as_tenant(other_tenant, whole)))


def test_a_token_reads_its_own_tenant_only(
    tenant: Tenant, other_tenant: Tenant, api: Api
) -> None:
    for one in (tenant, other_tenant):
        token = make_program(one, scopes=["tenants.read"]).token()
        rows = api(token, "tenants").json()["results"]
        assert [row["slug"] for row in rows] == [one.slug]


@pytest.mark.parametrize(
    "change",
    [
        {"state": ClientState.SUSPENDED},
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"networks": ["10.0.0.0/8"]},
    ],
    ids=["suspended", "expired", "elsewhere"],
)
def test_a_client_that_does_not_work_any_more_takes_its_tokens_along(
    tenant: Tenant, program: Program, api: Api, change: dict[str, Any]
) -> None:
    token = program.token()
    assert api(token).status_code == 200
    with tenant_scope(tenant.pk):
        ApiClient.objects.update(**change)
    assert refused(api(token))


def test_a_deleted_client_takes_its_tokens_along(
    tenant: Tenant, program: Program, api: Api
) -> None:
    token = program.token()
    with tenant_scope(tenant.pk):
        services.delete_client(actor=ACTOR, client_id=program.client.pk)
    assert refused(api(token))


def test_a_scope_taken_from_the_client_is_gone_from_its_tokens(
    tenant: Tenant, program: Program, api: Api
) -> None:
    token = program.token()
    with tenant_scope(tenant.pk):
        ApiClient.objects.update(scopes=["policies.read"])
    assert api(token).status_code == 403
    assert api(token, "policies").status_code == 200


def test_a_client_does_nothing_that_a_person_has_to_confirm(tenant: Tenant) -> None:
    token = make_program(tenant, scopes=["freezes.write", "operations.confirm"]).token()
    headers = {"Authorization": f"Bearer {token}"}
    body = {"username": "x", "reason": "y", "hours": 1}
    for path in ("freezes", "operation-tokens"):
        answer = Client().post(
            f"/api/v1/{path}", body, content_type="application/json", headers=headers
        )
        assert answer.status_code in {401, 403}


def test_a_token_in_the_address_is_not_looked_at(program: Program) -> None:
    answer = Client().get(f"/api/v1/roles?access_token={program.token()}")
    assert answer.status_code == 401


def test_refused_tokens_and_clients_are_counted(program: Program, api: Api) -> None:
    api("x")
    api("pwt_x")
    program.ask(assertion=program.assertion(aud="http://elsewhere"))
    codes = set(Refusal.objects.values_list("code", flat=True))
    assert codes == {
        "clients.access_token_refused",
        "accounts.api_token_refused",
        "clients.invalid_client",
    }


# Revocation and introspection


def test_a_revoked_token_is_refused_at_once(program: Program, api: Api) -> None:
    token = program.token()
    assert program.ask("revoke", token=token).status_code == 200
    assert refused(api(token))
    assert program.ask("revoke", token=token).status_code == 200
    assert program.ask("revoke", token="unknown").status_code == 200


def test_nobody_revokes_anothers_token(
    tenant: Tenant, program: Program, api: Api
) -> None:
    token = program.token()
    other = make_program(tenant, "other")
    answer: Any = other.ask("revoke", token=token)
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
    assert post("revoke", {"token": token}).status_code == 400
    assert api(token).status_code == 200


def test_a_client_of_the_tenant_learns_what_a_token_says(
    tenant: Tenant, program: Program
) -> None:
    token = program.token()
    other: Any = make_program(tenant, "other").ask("introspect", token=token)
    found = other.json()
    assert found["active"] is True
    assert found["client_id"] == program.client.client_id
    assert found["scope"] == "policies.read roles.read"


def test_others_learn_nothing_about_a_token(
    other_tenant: Tenant, program: Program
) -> None:
    token = program.token()
    stranger = make_program(other_tenant)
    answer: Any = stranger.ask("introspect", token=token)
    assert answer.json() == {"active": False}
    anonymous: Any = post("introspect", {"token": token})
    assert (anonymous.status_code, anonymous.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("text", ["unknown", "revoked", "suspended"])
def test_a_token_that_does_not_count_is_inactive(
    tenant: Tenant, program: Program, text: str
) -> None:
    token = program.token()
    other = make_program(tenant, "other")
    if text == "revoked":
        program.ask("revoke", token=token)
    if text == "suspended":
        with tenant_scope(tenant.pk):
            services.set_state(
                actor=ACTOR, client_id=program.client.pk, state=ClientState.SUSPENDED
            )
    answer: Any = other.ask("introspect", token="x" if text == "unknown" else token)
    assert answer.json() == {"active": False}


# Personal tokens and what they are exchanged for


def exchange(token: str, **parameters: str) -> Any:
    return post(
        "token",
        {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": token,
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
            **parameters,
        },
    )


def test_a_personal_token_is_exchanged_for_one_that_says_how_sure_we_are(
    tenant: Tenant, make_user: MakeUser, api: Api
) -> None:
    user = make_user("reader", ["auditor"])

    proven = TokenProof("phr", ("mfa", "pop", "user"), timezone.now())
    body = exchange(token_of(tenant, user, proof=proven), scope="roles.read").json()
    assert body["issued_token_type"] == (
        "urn:ietf:params:oauth:token-type:access_token"
    )
    claims = read(body["access_token"])
    assert claims["sub"] == str(user.pk)
    assert (claims["acr"], claims["mfa"]) == ("phr", True)
    assert claims["amr"] == ["mfa", "pop", "user"]
    assert abs(claims["auth_time"] - time.time()) < 60
    assert api(body["access_token"]).status_code == 200
    assert api(body["access_token"], "nodes").status_code == 403


def test_a_token_made_without_proof_says_no_level(
    tenant: Tenant, make_user: MakeUser
) -> None:
    token = token_of(tenant, make_user("reader", ["auditor"]))
    claims = read(exchange(token).json()["access_token"])
    assert claims["acr"] == "none"
    assert "mfa" not in claims


@pytest.mark.parametrize("what", ["revoked", "left", "other role", "inactive"])
def test_what_ends_a_personal_token_ends_what_it_was_exchanged_for(
    tenant: Tenant, make_user: MakeUser, api: Api, what: str
) -> None:
    user = make_user("reader", ["auditor"])
    token = exchange(token_of(tenant, user)).json()["access_token"]
    assert api(token).status_code == 200
    with tenant_scope(tenant.pk):
        match what:
            case "revoked":
                row = ApiToken.objects.get(user=user)
                revoke_api_token(actor=ACTOR, token_id=row.pk, owner=user)
            case "left":
                Membership.objects.filter(user=user).delete()
            case "other role":
                Membership.objects.filter(user=user).update(roles=[])
            case _:
                user.is_active = False
                user.save()
    assert api(token).status_code == (403 if what == "other role" else 401)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"subject_token": "pwt_unknown"}, "invalid_grant"),
        ({"subject_token_type": "urn:other"}, "invalid_request"),
        ({"requested_token_type": "urn:other"}, "invalid_request"),
        ({"actor_token": "somebody"}, "invalid_request"),
        ({"audience": "http://elsewhere"}, "invalid_target"),
        ({"scope": "freezes.write"}, "invalid_scope"),
        ({"scope": "no.such"}, "invalid_scope"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_exchange_that_may_not_be_is_named(
    tenant: Tenant, make_user: MakeUser, changes: dict[str, str], error: str
) -> None:
    token = token_of(tenant, make_user("reader", ["auditor"]))
    assert exchange(token).status_code == 200
    answer = exchange(token, **changes)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_an_access_token_is_not_exchanged_again(
    tenant: Tenant, make_user: MakeUser
) -> None:
    first = exchange(token_of(tenant, make_user("reader", ["auditor"]))).json()
    answer = exchange(first["access_token"])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_the_holder_of_a_persons_access_token_may_end_it(
    tenant: Tenant, make_user: MakeUser, api: Api
) -> None:
    token = exchange(token_of(tenant, make_user("reader", ["auditor"]))).json()
    assert post("revoke", {"token": token["access_token"]}).status_code == 200
    assert refused(api(token["access_token"]))


def test_revocations_are_forgotten_after_the_token_would_have_ended(
    tenant: Tenant, program: Program
) -> None:
    program.ask("revoke", token=program.token())
    with tenant_scope(tenant.pk):
        assert RevokedToken.objects.get().expires_at.timestamp() > time.time() + 590


def test_no_row_of_a_client_is_seen_from_another_tenant(
    other_tenant: Tenant, program: Program
) -> None:
    program.token()
    with tenant_scope(other_tenant.pk):
        assert not ApiClient.objects.exists()


def test_a_persons_token_does_not_carry_another_person(
    tenant: Tenant, make_user: MakeUser, api: Api
) -> None:
    token = exchange(token_of(tenant, make_user("reader", ["auditor"]))).json()
    claims = read(token["access_token"])
    assert api(sign_as_tenant(tenant, claims)).status_code == 200
    other = str(make_user("other", ["security_admin"]).pk)
    assert refused(api(sign_as_tenant(tenant, claims | {"sub": other})))


def test_a_method_that_names_no_scope_is_closed(
    tenant: Tenant, make_user: MakeUser, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = token_of(tenant, make_user("boss", ["security_admin"]))
    assert api(token).status_code == 200
    monkeypatch.setattr(RoleList, "scopes", {})
    assert api(token).status_code == 403
