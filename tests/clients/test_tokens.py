"""The token endpoint, the key set, and access tokens at the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.tenants.models import Tenant
from tests.factories.clients import Program, make_program, post, read


@pytest.fixture
def program(tenant: Tenant) -> Program:
    return make_program(tenant)


def api(token: str, path: str = "v1/roles", **options: Any) -> Any:
    return Client().get(
        f"/api/{path}", headers={"Authorization": f"Bearer {token}"}, **options
    )


def test_a_client_gets_a_token_that_the_api_takes(program: Program) -> None:
    answer: Any = program.ask()
    assert answer.status_code == 200
    body = answer.json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 600
    assert body["scope"] == "policies.read roles.read"
    assert answer["Cache-Control"] == "no-store"
    assert api(body["access_token"]).status_code == 200


def test_a_token_says_what_the_rfc_asks_for(program: Program, tenant: Tenant) -> None:
    token = program.token(scope="roles.read")
    header, claims = read(token, 0), read(token)
    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")
    assert claims["iss"] == "http://localhost/oauth/acme"
    assert claims["aud"] == "http://localhost/api"
    assert claims["sub"] == claims["client_id"] == program.client.client_id
    assert claims["scope"] == "roles.read"
    assert claims["tenant"] == str(tenant.pk)
    assert claims["exp"] - claims["iat"] == 600
    assert claims["nbf"] == claims["iat"]
    assert claims["jti"]


def test_the_key_set_holds_the_key_of_the_token_and_the_next_one(
    program: Program, tenant: Tenant
) -> None:
    kid = read(program.token(), 0)["kid"]
    answer: Any = Client().get(f"/oauth/{tenant.slug}/jwks")
    keys = answer.json()["keys"]
    assert kid in {key["kid"] for key in keys}
    assert len(keys) == 2
    assert all("d" not in key for key in keys)


def test_the_metadata_leads_to_the_endpoints(tenant: Tenant) -> None:
    path = f"/.well-known/oauth-authorization-server/oauth/{tenant.slug}"
    found = Client().get(path, headers={"Host": "testserver"}).json()
    assert found["issuer"] == f"http://localhost/oauth/{tenant.slug}"
    assert found["token_endpoint"] == "http://localhost/oauth/token"
    assert found["jwks_uri"] == f"http://localhost/oauth/{tenant.slug}/jwks"


def test_a_scope_that_is_not_held_is_named(program: Program) -> None:
    token = program.token(scope="policies.read")
    answer = api(token)
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer["WWW-Authenticate"]
    assert 'scope="roles.read"' in answer["WWW-Authenticate"]


def test_an_assertion_counts_once(program: Program) -> None:
    assertion = program.assertion()
    assert program.ask(assertion=assertion).status_code == 200
    again: Any = program.ask(assertion=assertion)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")


def test_an_unknown_grant_type_is_named(db: None) -> None:  # noqa: ARG001
    answer: Any = post("token", {"grant_type": "password"})
    assert answer.status_code == 400
    assert answer.json()["error"] == "unsupported_grant_type"
    assert answer["Cache-Control"] == "no-store"
