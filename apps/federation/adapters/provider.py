"""Ask a provider as OpenID Connect has it: discovery, the way there, the code."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode

from authlib.common.security import generate_token
from authlib.oauth2.auth import ClientAuth as AuthlibClientAuth
from authlib.oauth2.client import OAuth2Client
from authlib.oauth2.rfc6749.parameters import prepare_token_request
from joserfc.jwk import ECKey

from apps.federation.adapters.network import (
    OK,
    as_object,
    fetch_json,
    is_workshop,
    send,
)
from apps.federation.choices import ClientAuth
from apps.federation.errors import ExchangeRefusedError
from apps.federation.models import IdentityProvider
from apps.federation.rules.addresses import check_issuer
from apps.federation.rules.discovery import check_metadata, public_keys
from apps.keys.adapters import get_key_store
from apps.keys.choices import Algorithm

_ASSERTION_SECONDS = 60
_VERIFIER_LENGTH = 64
_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True)
class Outgoing:
    """The values that tie an answer to the question: none of them is used twice."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Tokens:
    """What a provider gave for a code."""

    id_token: str
    access_token: str


def new_outgoing() -> Outgoing:
    """Return fresh values for one sign-in."""
    return Outgoing(
        secrets.token_urlsafe(32),
        secrets.token_urlsafe(32),
        generate_token(_VERIFIER_LENGTH),
    )


def discover(issuer: str, *, client_auth: str) -> dict[str, Any]:
    """Return what a provider says about itself, checked (Discovery 1.0, section 4).

    Raises AddressRefusedError, ProviderUnreachableError and DiscoveryInvalidError.
    """
    check_issuer(issuer, may_be_loopback=is_workshop())
    document = fetch_json(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    return check_metadata(
        document,
        issuer=issuer,
        client_auth=client_auth,
        may_be_loopback=is_workshop(),
    )


def fetch_keys(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the public keys that a provider signs with (RFC 7517, section 5)."""
    return public_keys(fetch_json(str(metadata["jwks_uri"])))


def authorization_url(
    provider: IdentityProvider, outgoing: Outgoing, *, redirect_uri: str
) -> str:
    """Return where the browser goes: code flow with PKCE S256, state and nonce."""
    extra = {"acr_values": provider.acr_values, "max_age": provider.max_age}
    client = OAuth2Client(
        session=None,
        client_id=provider.client_id,
        redirect_uri=redirect_uri,
        scope=provider.scopes,
        code_challenge_method="S256",
    )
    url, _state = client.create_authorization_url(
        provider.metadata["authorization_endpoint"],
        state=outgoing.state,
        code_verifier=outgoing.verifier,
        nonce=outgoing.nonce,
        **{name: str(value) for name, value in extra.items() if value},
    )
    return str(url)


def exchange(
    provider: IdentityProvider,
    *,
    code: str,
    verifier: str,
    redirect_uri: str,
    secret: str,
) -> Tokens:
    """Return the tokens for a code (OpenID Connect Core 1.0, section 3.1.3).

    Raises ExchangeRefusedError and ProviderUnreachableError.
    """
    url = str(provider.metadata["token_endpoint"])
    body = prepare_token_request(
        "authorization_code", code=code, redirect_uri=redirect_uri
    )
    body = f"{body}&{urlencode({'code_verifier': verifier})}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    url, headers, body = _client_auth(provider, secret).prepare(
        "POST", url, headers, body
    )
    status, answer = send("POST", url, headers=headers, body=body)
    found = as_object(answer)
    if status != OK or found is None:
        raise ExchangeRefusedError(
            f"Your identity provider did not accept our request ({_code(found)})."
        )
    id_token, access_token = found.get("id_token"), found.get("access_token", "")
    if not isinstance(id_token, str) or not isinstance(access_token, str):
        raise ExchangeRefusedError("Your identity provider sent no ID token.")
    return Tokens(id_token, access_token)


def end_session_url(provider: IdentityProvider, *, back: str) -> str:
    """Return where a person signs out at their provider, empty if it has no place.

    OpenID Connect RP-Initiated Logout 1.0, section 2.
    """
    endpoint = str(provider.metadata.get("end_session_endpoint", ""))
    if not endpoint:
        return ""
    query = urlencode(
        {"client_id": provider.client_id, "post_logout_redirect_uri": back}
    )
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"


def ensure_key(reference: str) -> None:
    """Make our key for a provider, unless it is there."""
    get_key_store().generate(reference, Algorithm.ES256)


def own_jwk(reference: str) -> dict[str, Any]:
    """Return the public half of our key for a provider."""
    key = ECKey.import_key(get_key_store().public_bytes(reference))
    found = dict(key.as_dict(private=False))
    return found | {"kid": key.thumbprint(), "use": "sig", "alg": "ES256"}


def _client_auth(provider: IdentityProvider, secret: str) -> AuthlibClientAuth:
    match provider.client_auth:
        case ClientAuth.PRIVATE_KEY:
            return AuthlibClientAuth(
                provider.client_id, "", lambda *args: _add_assertion(provider, *args)
            )
        case ClientAuth.SECRET_BASIC:
            # RFC 6749, section 2.3.1: both are form-encoded before they are joined.
            return AuthlibClientAuth(
                quote_plus(provider.client_id), quote_plus(secret), provider.client_auth
            )
        case _:
            return AuthlibClientAuth(provider.client_id, secret, provider.client_auth)


def _add_assertion(
    provider: IdentityProvider,
    _auth: AuthlibClientAuth,
    _method: str,
    url: str,
    headers: dict[str, str],
    body: str,
) -> tuple[str, dict[str, str], str]:
    """Sign in as ourselves (RFC 7523, section 3), for this provider alone.

    The audience is the issuer: an assertion for one provider is of no use at another.
    """
    now = int(time.time())
    header = {
        "alg": "ES256",
        "typ": "JWT",
        "kid": own_jwk(provider.key_reference)["kid"],
    }
    claims = {
        "iss": provider.client_id,
        "sub": provider.client_id,
        "aud": provider.issuer,
        "jti": secrets.token_urlsafe(16),
        "iat": now,
        "exp": now + _ASSERTION_SECONDS,
    }
    signed = f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(claims).encode())}"
    signature = get_key_store().sign(provider.key_reference, signed.encode())
    assertion = {
        "client_id": provider.client_id,
        "client_assertion_type": _JWT_BEARER,
        "client_assertion": f"{signed}.{_b64(signature)}",
    }
    return url, headers, f"{body}&{urlencode(assertion)}"


def _code(found: Mapping[str, Any] | None) -> str:
    """Return the error code of RFC 6749, section 5.2, if it is one."""
    code = (found or {}).get("error")
    is_code = (
        isinstance(code, str) and code.isascii() and code.replace("_", "").isalnum()
    )
    return str(code)[:40] if is_code else "no reason"


def _b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
