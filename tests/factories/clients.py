"""Make personal tokens, clients and what clients sign, as a program would."""

from __future__ import annotations

import base64
import datetime as dt
import functools
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.http.response import HttpResponseBase
from django.test import Client
from joserfc import jwk, jws

from apps.accounts.models import User
from apps.accounts.selectors import scopes_in_scope
from apps.accounts.services import NO_PROOF, TokenProof, TokenSpec, issue_api_token
from apps.audit.events import Actor
from apps.clients import services
from apps.clients.choices import JWT_BEARER, AuthMethod
from apps.clients.models import ApiClient
from apps.clients.rules import jose
from apps.keys.adapters import sign as sign_with_key
from apps.keys.choices import KeyState
from apps.keys.selectors import token_key
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope

ACTOR = Actor.command("tests")
TOKEN_ENDPOINT = "http://localhost/oauth/token"


def token_of(
    tenant: Tenant,
    user: User,
    days: int = 1,
    *,
    scopes: Sequence[str] | None = None,
    networks: Sequence[str] = (),
    proof: TokenProof = NO_PROOF,
) -> str:
    """Return a personal token; it may do what the person may if nothing is asked."""
    with tenant_scope(tenant.pk):
        wanted = sorted(scopes_in_scope(user)) if scopes is None else scopes
        spec = TokenSpec("test", dt.timedelta(days=days), wanted, networks)
        return issue_api_token(actor=ACTOR, user=user, spec=spec, proof=proof)


@dataclass
class Program:
    """A client with its private key at hand."""

    client: ApiClient
    private: ec.EllipticCurvePrivateKey
    kid: str = ""
    http: Client = field(default_factory=Client)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of an assertion; a change of None leaves one out."""
        now = int(time.time())
        claims = {
            "iss": self.client.client_id,
            "sub": self.client.client_id,
            "aud": TOKEN_ENDPOINT,
            "iat": now,
            "exp": now + 60,
            "jti": secrets.token_hex(8),
        } | changes
        return {name: value for name, value in claims.items() if value is not None}

    def assertion(self, **changes: Any) -> str:
        """Return a signed assertion."""
        return sign(self.private, self.claims(**changes), kid=self.kid)

    def ask(
        self, path: str = "token", assertion: str = "", **parameters: str
    ) -> HttpResponseBase:
        """Send a request that proves the client."""
        body = {
            "client_assertion_type": JWT_BEARER,
            "client_assertion": assertion or self.assertion(),
        }
        if path == "token":
            body["grant_type"] = "client_credentials"
        return post(path, body | parameters, http=self.http)

    def token(self, **parameters: str) -> str:
        """Return a fresh access token."""
        answer: Any = self.ask(**parameters)
        assert answer.status_code == 200, answer.content
        return str(answer.json()["access_token"])


def make_program(
    tenant: Tenant,
    name: str = "ci",
    scopes: Sequence[str] = ("roles.read", "policies.read"),
    networks: Sequence[str] = (),
) -> Program:
    """Return a client of a tenant that proves itself by a key."""
    private = ec.generate_private_key(ec.SECP256R1())
    public = jose.key_from_crypto(private.public_key())
    spec = services.ClientSpec(
        name, AuthMethod.PRIVATE_KEY_JWT, scopes, dt.timedelta(days=30), networks
    )
    with tenant_scope(tenant.pk):
        client = services.create_client(actor=ACTOR, spec=spec, keys=[public])
    return Program(client, private, public.kid)


def sign(
    private: Any,
    claims: Mapping[str, Any],
    *,
    algorithm: str = "ES256",
    kid: str = "",
    **header: Any,
) -> str:
    """Return what a program would sign with a library of its own."""
    key = jwk.ECKey(private, private) if algorithm.startswith("ES") else private
    head = {"alg": algorithm, **({"kid": kid} if kid else {}), **header}
    return jws.serialize_compact(
        head,
        json.dumps(claims).encode(),
        key,
        registry=jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False),
    )


def post(
    path: str, body: Mapping[str, Any], *, http: Client | None = None, **headers: str
) -> HttpResponseBase:
    """Send a form to an endpoint of OAuth."""
    text = "&".join(f"{name}={_quote(value)}" for name, value in body.items())
    response: HttpResponseBase = (http or Client()).post(
        f"/oauth/{path}",
        text,
        content_type="application/x-www-form-urlencoded",
        headers=headers,
    )
    return response


def read(token: str, part: int = 1) -> dict[str, Any]:
    """Return what a token claims, or its header (part 0), whether it holds or not."""
    text = token.split(".")[part]
    found: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    )
    return found


def _quote(value: Any) -> str:

    return quote(str(value), safe="")


def make_certificate(*, lasts: dt.timedelta = dt.timedelta(days=1)) -> x509.Certificate:
    """Return a self-signed certificate that began two days ago."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ci")])
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=2))
        .not_valid_after(now + lasts)
        .sign(private, hashes.SHA256())
    )


def header_value(certificate: x509.Certificate) -> str:
    """Return a certificate as a proxy passes it on (RFC 9440, section 2.1)."""
    der = certificate.public_bytes(serialization.Encoding.DER)
    return f":{base64.b64encode(der).decode()}:"


def make_certificate_client(
    tenant: Tenant, *certificates: x509.Certificate
) -> ApiClient:
    """Return a client of a tenant that proves itself by certificates."""
    spec = services.ClientSpec(
        "mtls", AuthMethod.SELF_SIGNED_TLS, ("roles.read",), dt.timedelta(days=30)
    )
    with tenant_scope(tenant.pk):
        return services.create_client(
            actor=ACTOR,
            spec=spec,
            thumbprints=services.read_thumbprints(
                [
                    c.public_bytes(serialization.Encoding.PEM).decode()
                    for c in certificates
                ]
            ),
        )


def sign_as_tenant(tenant: Tenant, claims: Mapping[str, Any], **header: Any) -> str:
    """Return claims signed with a tenant's own key, as only the portal can."""
    with tenant_scope(tenant.pk):
        key = token_key(KeyState.ACTIVE)
    assert key is not None
    public = jose.key_from_der(bytes(key.public_key))
    head = {"alg": "ES256", "kid": public.kid, "typ": "at+jwt", **header}
    return jose.compose(head, claims, functools.partial(sign_with_key, key))
