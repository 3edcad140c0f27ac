"""Certificates as proof (RFC 8705): only what our proxy says counts, and only there."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from django.test import Client

from apps.clients.authentication import CERTIFICATE_HEADERS
from apps.clients.checks import check_certificate_header
from apps.clients.rules.certificates import read as read_certificate
from apps.clients.rules.certificates import thumbprint
from apps.tenants.models import Tenant
from tests.factories.clients import (
    Program,
    header_value,
    make_certificate,
    make_certificate_client,
    post,
    read,
)

PROXIED = {"X-Forwarded-For": "192.0.2.7"}


@pytest.fixture
def behind_proxy(settings: Any) -> None:
    settings.PORTWARD_TRUSTED_PROXIES = 1
    settings.PORTWARD_CLIENT_CERT_HEADER = "Client-Cert"


@pytest.fixture
def certificate() -> x509.Certificate:
    return make_certificate()


def ask(client_id: str, **headers: str) -> Any:
    body = {"grant_type": "client_credentials", "client_id": client_id}
    return post("token", body, http=None, **{**PROXIED, **headers})


def use(token: str, **headers: str) -> int:
    sent = {"Authorization": f"Bearer {token}", **PROXIED, **headers}
    return Client().get("/api/v1/roles", headers=sent).status_code


@pytest.mark.usefixtures("behind_proxy")
def test_a_token_is_bound_to_the_certificate_that_got_it(
    tenant: Tenant, certificate: x509.Certificate
) -> None:
    client = make_certificate_client(tenant, certificate)
    shown = {"Client-Cert": header_value(certificate)}
    answer = ask(client.client_id, **shown)
    assert answer.status_code == 200
    token = answer.json()["access_token"]
    assert read(token)["cnf"] == {"x5t#S256": client.thumbprints[0]}
    assert use(token, **shown) == 200
    assert use(token) == 401
    assert use(token, **{"Client-Cert": header_value(make_certificate())}) == 401


@pytest.mark.usefixtures("behind_proxy")
def test_another_certificate_proves_nothing(
    tenant: Tenant, certificate: x509.Certificate
) -> None:
    client = make_certificate_client(tenant, certificate)
    other = {"Client-Cert": header_value(make_certificate())}
    for headers in ({}, other):
        answer = ask(client.client_id, **headers)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.usefixtures("behind_proxy")
def test_an_expired_certificate_proves_nothing(tenant: Tenant) -> None:
    old = make_certificate(lasts=-dt.timedelta(days=1))
    client = make_certificate_client(tenant, old)
    answer = ask(client.client_id, **{"Client-Cert": header_value(old)})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.usefixtures("behind_proxy")
def test_old_and_new_certificate_work_side_by_side(tenant: Tenant) -> None:
    both = [make_certificate(), make_certificate()]
    client = make_certificate_client(tenant, *both)
    for one in both:
        shown = {"Client-Cert": header_value(one)}
        assert ask(client.client_id, **shown).status_code == 200


@pytest.mark.usefixtures("behind_proxy")
def test_a_client_with_keys_is_not_let_in_by_a_certificate(
    program: Program, certificate: x509.Certificate
) -> None:
    shown = {"Client-Cert": header_value(certificate)}
    assert ask(program.client.client_id, **shown).status_code == 401


@pytest.mark.parametrize("header", CERTIFICATE_HEADERS)
def test_a_certificate_in_a_header_that_no_proxy_sets_is_refused(
    tenant: Tenant, certificate: x509.Certificate, program: Program, header: str
) -> None:
    client = make_certificate_client(tenant, certificate)
    body = {"grant_type": "client_credentials", "client_id": client.client_id}
    answer: Any = post("token", body, http=None, **{header: header_value(certificate)})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    token = program.token()
    sent = {"Authorization": f"Bearer {token}", header: header_value(certificate)}
    assert Client().get("/api/v1/roles", headers=sent).status_code == 401


def test_without_a_proxy_the_header_is_refused_though_it_is_named(
    tenant: Tenant, certificate: x509.Certificate, settings: Any
) -> None:
    settings.PORTWARD_CLIENT_CERT_HEADER = "Client-Cert"
    client = make_certificate_client(tenant, certificate)
    body = {"grant_type": "client_credentials", "client_id": client.client_id}
    answer: Any = post(
        "token", body, http=None, **{"Client-Cert": header_value(certificate)}
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert [found.id for found in check_certificate_header(None)] == ["clients.E001"]


@pytest.mark.usefixtures("behind_proxy")
def test_behind_a_proxy_the_check_is_content() -> None:
    assert check_certificate_header(None) == []


@pytest.mark.usefixtures("behind_proxy")
@pytest.mark.parametrize("value", ["x", ":x:", ":AAAA:", "-----BEGIN CERTIFICATE-----"])
def test_a_header_that_is_no_certificate_is_refused(
    tenant: Tenant, certificate: x509.Certificate, value: str
) -> None:
    client = make_certificate_client(tenant, certificate)
    answer = ask(client.client_id, **{"Client-Cert": value})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_every_way_of_writing_a_certificate_names_the_same(
    certificate: x509.Certificate,
) -> None:
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    found = read_certificate(pem).thumbprint
    assert read_certificate(quote(pem, safe="")).thumbprint == found
    assert read_certificate(header_value(certificate)).thumbprint == found
    assert thumbprint(found) == found
    digest = certificate.fingerprint(certificate.signature_hash_algorithm)  # type: ignore[arg-type]
    assert thumbprint(digest.hex(":").upper()) == found
