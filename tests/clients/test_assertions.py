"""How a client proves itself by a key: an attack differs from success in one thing."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwk, jws

from apps.clients import services
from apps.clients.choices import ClientState
from apps.clients.models import ApiClient, UsedAssertion
from apps.clients.rules import jose
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.clients import (
    ACTOR,
    TOKEN_ENDPOINT,
    Program,
    make_program,
    post,
    sign,
)

NOW = int(time.time())


def answer(program: Program, assertion: str = "", **parameters: str) -> tuple[int, str]:
    response: Any = program.ask(assertion=assertion, **parameters)
    assert response["Cache-Control"] == "no-store"
    return response.status_code, response.json().get("error", "")


def encode(value: Any) -> str:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def test_the_issuer_counts_as_the_audience_too(program: Program) -> None:
    assertion = program.assertion(aud="http://localhost/oauth/acme")
    assert answer(program, assertion) == (200, "")


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "http://elsewhere/oauth/token"},
        {"aud": [TOKEN_ENDPOINT, "http://elsewhere"]},
        {"aud": None},
        {"exp": NOW - 60},
        {"exp": NOW + 900},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"nbf": NOW + 120},
        {"iat": NOW + 120},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 129},
        {"sub": "somebody else"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_claim_that_does_not_hold_is_refused(
    program: Program, changes: dict[str, Any]
) -> None:
    for name in ("exp", "nbf", "iat"):
        if isinstance(changes.get(name), int) and changes[name] is not True:
            changes = {name: int(time.time()) + changes[name] - NOW}
    assert answer(program, program.assertion(**changes)) == (401, "invalid_client")


def unsigned(program: Program) -> str:
    return f"{encode({'alg': 'none'})}.{encode(program.claims())}."


def signed_with_the_public_key_as_a_secret(program: Program) -> str:
    pem = program.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    text = f"{encode({'alg': 'HS256', 'kid': program.kid})}.{encode(program.claims())}"
    return f"{text}.{encode(hmac.digest(pem, text.encode(), hashlib.sha256))}"


def with_a_key_of_its_own(program: Program) -> str:
    other = ec.generate_private_key(ec.SECP256R1())
    public = jwk.ECKey(other.public_key(), other.public_key()).as_dict(private=False)
    return sign(other, program.claims(), jwk=public)


def with_a_key_to_fetch(program: Program) -> str:
    return sign(program.private, program.claims(), jku="http://elsewhere/keys")


def with_another_kid(program: Program) -> str:
    return sign(program.private, program.claims(), kid="another")


def with_another_key_under_its_kid(program: Program) -> str:
    other = ec.generate_private_key(ec.SECP256R1())
    return sign(other, program.claims(), kid=program.kid)


def with_a_critical_extension(program: Program) -> str:
    head = encode({"alg": "ES256", "crit": ["b64"], "b64": False})
    return f"{head}.{encode(program.claims())}.{'A' * 86}"


def with_a_claim_twice(program: Program) -> str:
    whole = json.dumps(program.claims())
    twice = whole[:-1] + f', "sub": "{program.client.client_id}"}}'
    text = f"{encode({'alg': 'ES256'})}.{encode(twice.encode())}"
    return f"{text}.{encode(b'0' * 64)}"


def cut_off(program: Program) -> str:
    return program.assertion()[:-4]


def with_other_claims_under_the_signature(program: Program) -> str:
    head, _, signature = program.assertion().split(".")
    return f"{head}.{encode(program.claims(exp=NOW + 200))}.{signature}"


@pytest.mark.parametrize(
    "forge",
    [
        unsigned,
        signed_with_the_public_key_as_a_secret,
        with_a_key_of_its_own,
        with_a_key_to_fetch,
        with_another_kid,
        with_another_key_under_its_kid,
        with_a_critical_extension,
        with_a_claim_twice,
        cut_off,
        with_other_claims_under_the_signature,
    ],
)
def test_a_forged_assertion_is_refused(
    program: Program, forge: Callable[[Program], str]
) -> None:
    assert answer(program, forge(program)) == (401, "invalid_client")


def test_a_client_cannot_speak_for_another(tenant: Tenant, program: Program) -> None:
    other = make_program(tenant, "other")
    forged = sign(other.private, program.claims(), kid=other.kid)
    assert answer(program, forged) == (401, "invalid_client")
    own = other.assertion()
    mixed = answer(program, own, client_id=program.client.client_id)
    assert mixed == (401, "invalid_client")


def test_a_replayed_assertion_is_refused(program: Program) -> None:
    assertion = program.assertion()
    assert answer(program, assertion) == (200, "")
    assert answer(program, assertion) == (401, "invalid_client")


def test_an_assertion_is_used_up_by_a_request_that_fails(program: Program) -> None:
    assertion = program.assertion()
    assert answer(program, assertion, scope="nodes.read") == (400, "invalid_scope")
    assert answer(program, assertion) == (401, "invalid_client")


def test_two_clients_may_use_the_same_jti(tenant: Tenant, program: Program) -> None:
    other = make_program(tenant, "other")
    for one in (program, other):
        assert answer(one, one.assertion(jti="1")) == (200, "")


@pytest.mark.parametrize(
    "change",
    [{"state": ClientState.SUSPENDED}, {"expires_at": "2020-01-01T00:00:00Z"}],
    ids=["suspended", "expired"],
)
def test_a_client_that_does_not_work_gets_nothing(
    tenant: Tenant, program: Program, change: dict[str, str]
) -> None:
    with tenant_scope(tenant.pk):
        ApiClient.objects.update(**change)
    assert answer(program) == (401, "invalid_client")


def test_a_client_comes_from_its_networks_only(tenant: Tenant) -> None:
    near = make_program(tenant, "near", networks=["127.0.0.0/8"])
    far = make_program(tenant, "far", networks=["10.0.0.0/8"])
    assert answer(near) == (200, "")
    assert answer(far) == (401, "invalid_client")


def test_a_secret_is_no_assertion(program: Program) -> None:
    bare: Any = post(
        "token",
        {
            "grant_type": "client_credentials",
            "client_id": program.client.client_id,
            "client_secret": "guessed",
        },
    )
    assert (bare.status_code, bare.json()["error"]) == (401, "invalid_client")
    assert bare["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("private", "algorithm"),
    [
        (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519"),
        (rsa.generate_private_key(65537, 2048), "PS256"),
        (rsa.generate_private_key(65537, 2048), "RS256"),
    ],
    ids=["EdDSA", "Ed25519", "PS256", "RS256"],
)
def test_every_algorithm_that_is_named_works(
    tenant: Tenant, program: Program, private: Any, algorithm: str
) -> None:
    public = jose.key_from_crypto(private.public_key())
    with tenant_scope(tenant.pk):
        services.replace_credentials(
            actor=ACTOR, client_id=program.client.pk, keys=[public]
        )
    own: Any = (
        jwk.OKPKey(private, private)
        if algorithm.startswith("Ed")
        else jwk.RSAKey(private, private)
    )
    assertion = sign_any(own, program.claims(), algorithm)
    assert answer(program, assertion) == (200, "")
    # The same key with an algorithm of another kind of key.
    wrong = "ES256" if algorithm != "ES256" else "RS256"
    head, claims, signature = sign_any(own, program.claims(), algorithm).split(".")
    mixed = f"{encode({'alg': wrong})}.{claims}.{signature}"
    assert head
    assert answer(program, mixed) == (401, "invalid_client")


def sign_any(key: Any, claims: dict[str, Any], algorithm: str) -> str:
    text = f"{encode({'alg': algorithm})}.{encode(claims)}".encode()
    model = jws.JWSRegistry.algorithms["Ed25519" if algorithm == "EdDSA" else algorithm]
    return f"{text.decode()}.{encode(model.sign(text, key))}"


def test_old_and_new_key_work_side_by_side(tenant: Tenant, program: Program) -> None:
    new = ec.generate_private_key(ec.SECP256R1())
    keys = [jose.key_from_crypto(key.public_key()) for key in (program.private, new)]
    with tenant_scope(tenant.pk):
        services.replace_credentials(
            actor=ACTOR, client_id=program.client.pk, keys=keys
        )
    assert answer(program) == (200, "")
    by_new = sign(new, program.claims(), kid=keys[1].kid)
    assert answer(program, by_new) == (200, "")
    # With two keys a token has to say which one it means.
    unnamed = sign(new, program.claims())
    assert answer(program, unnamed) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("content_type", "body", "error"),
    [
        ("application/json", "{}", "invalid_request"),
        ("application/x-www-form-urlencoded", "", "invalid_request"),
        (
            "application/x-www-form-urlencoded",
            "grant_type=client_credentials&grant_type=client_credentials",
            "invalid_request",
        ),
        (
            "application/x-www-form-urlencoded",
            "grant_type=authorization_code",
            "unsupported_grant_type",
        ),
    ],
    ids=["json", "empty", "twice", "code"],
)
def test_a_malformed_request_is_named_as_the_rfc_says(
    program: Program, content_type: str, body: str, error: str
) -> None:
    response: Any = program.http.post("/oauth/token", body, content_type=content_type)
    assert (response.status_code, response.json()["error"]) == (400, error)
    assert response["Cache-Control"] == "no-store"


def test_another_target_is_refused(program: Program) -> None:
    elsewhere = answer(program, resource="http://elsewhere/api")
    assert elsewhere == (400, "invalid_target")
    assert answer(program, resource="http://localhost/api") == (200, "")


def test_used_assertions_are_forgotten_when_they_would_be_refused_anyway(
    tenant: Tenant, program: Program
) -> None:
    program.token()
    with tenant_scope(tenant.pk):
        row = UsedAssertion.objects.get()
        assert services.forget_expired(now=row.expires_at) == 0
        later = row.expires_at + dt.timedelta(seconds=1)
        assert services.forget_expired(now=later) == 1


def test_a_key_that_names_its_algorithm_takes_no_other(
    tenant: Tenant, program: Program
) -> None:
    private: Any = rsa.generate_private_key(65537, 2048)
    members = jose.key_from_crypto(private.public_key()).as_jwk()
    bound = jose.key_from_jwk({**members, "alg": "PS256"})
    with tenant_scope(tenant.pk):
        services.replace_credentials(
            actor=ACTOR, client_id=program.client.pk, keys=[bound]
        )
    key: Any = jwk.RSAKey(private, private)
    by_another = sign_any(key, program.claims(), "RS256")
    assert answer(program, sign_any(key, program.claims(), "PS256")) == (200, "")
    assert answer(program, by_another) == (401, "invalid_client")
