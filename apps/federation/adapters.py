"""Talk to identity providers: the one place where Authlib, httpx and joserfc are used.

Addresses come from a tenant's admin and from what a provider says of itself, so each
is looked up, held to the public internet and then connected to by exactly the address
that was checked; no redirect is followed, and nothing is read without a limit.
"""

from __future__ import annotations

import base64
import functools
import json
import secrets
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
from authlib.common.security import generate_token
from authlib.oauth2.auth import ClientAuth as AuthlibClientAuth
from authlib.oauth2.client import OAuth2Client
from authlib.oauth2.rfc6749.parameters import prepare_token_request
from django.conf import settings
from joserfc import errors as jose_errors
from joserfc import jws
from joserfc.jwk import ECKey, JWKRegistry, Key
from typing_extensions import override

from apps.federation.choices import ClientAuth
from apps.federation.errors import (
    AddressRefusedError,
    DiscoveryInvalidError,
    ExchangeRefusedError,
    ProviderUnreachableError,
    SignatureRefusedError,
    TokenMalformedError,
    UnknownKeyError,
)
from apps.federation.models import IdentityProvider
from apps.federation.rules.addresses import check_issuer, check_url, is_public
from apps.federation.rules.discovery import check_metadata, public_keys
from apps.federation.rules.tokens import ALGORITHMS, check_algorithm
from apps.keys.adapters import get_key_store
from apps.keys.choices import Algorithm

_STEP_SECONDS = 5.0
_TOTAL_SECONDS = 10.0
_LONGEST_ANSWER = 256 * 1024
_LONGEST_TOKEN = 64 * 1024
_LONGEST_HEADER = 8 * 1024
_OK = 200
_ASSERTION_SECONDS = 60
_VERIFIER_LENGTH = 64
_KINDS = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC"}
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


@dataclass(frozen=True)
class Signed:
    """A token whose signature holds; what it says is not judged yet."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]


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
    document = _json(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    return check_metadata(
        document,
        issuer=issuer,
        client_auth=client_auth,
        may_be_loopback=is_workshop(),
    )


def fetch_keys(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the public keys that a provider signs with (RFC 7517, section 5)."""
    return public_keys(_json(str(metadata["jwks_uri"])))


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
    status, answer = _send("POST", url, headers=headers, body=body)
    found = _object(answer)
    if status != _OK or found is None:
        raise ExchangeRefusedError(
            f"Your identity provider did not accept our request ({_code(found)})."
        )
    id_token, access_token = found.get("id_token"), found.get("access_token", "")
    if not isinstance(id_token, str) or not isinstance(access_token, str):
        raise ExchangeRefusedError("Your identity provider sent no ID token.")
    return Tokens(id_token, access_token)


def read_token(token: str, keys: Mapping[str, Any]) -> Signed:
    """Return what a token says if one of the provider's keys signed it.

    Raises TokenMalformedError, AlgorithmRefusedError, UnknownKeyError and
    SignatureRefusedError.
    """
    if len(token) > _LONGEST_TOKEN:
        raise TokenMalformedError
    registry = _Registry(algorithms=ALGORITHMS, strict_check_header=False)
    registry.max_header_length = _LONGEST_HEADER
    try:
        unverified = jws.extract_compact(token.encode("ascii"), registry=registry)
        header = dict(unverified.headers())
    except (jose_errors.JoseError, ValueError) as error:
        raise TokenMalformedError from error
    algorithm = check_algorithm(header)
    key = _choose_key(keys, header.get("kid"), algorithm)
    try:
        signed = jws.deserialize_compact(
            token, key, algorithms=ALGORITHMS, registry=registry
        )
        claims = json.loads(signed.payload)
    except (jose_errors.JoseError, ValueError) as error:
        raise SignatureRefusedError from error
    if not isinstance(claims, dict):
        raise TokenMalformedError
    return Signed(header, claims)


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


def is_workshop() -> bool:
    """Say whether this is a developer's machine or a test, not an installation."""
    return settings.PORTWARD_ENVIRONMENT in {"local", "test"}


class _Registry(jws.JWSRegistry):
    """Accept our algorithms only; a provider's choice among them is no warning."""

    @override
    def get_alg(self, name: str) -> Any:  # the library's own type is private
        return self.algorithms[check_algorithm({"alg": name})]


def _choose_key(keys: Mapping[str, Any], kid: object, algorithm: str) -> Key:
    """Return the one key a token can be signed by: named, of its kind, for signing."""
    kind = _KINDS.get(algorithm, "OKP")
    fitting = [
        row
        for row in keys.get("keys", [])
        if row.get("kty") == kind
        and row.get("use", "sig") == "sig"
        and row.get("alg", algorithm) == algorithm
        and (kid is None or row.get("kid") == kid)
    ]
    if len(fitting) != 1:
        raise UnknownKeyError
    try:
        return JWKRegistry.import_key(fitting[0])
    except (jose_errors.JoseError, ValueError) as error:
        raise UnknownKeyError from error


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


def _json(url: str) -> dict[str, Any]:
    status, answer = _send("GET", url)
    found = _object(answer)
    if status != _OK or found is None:
        raise DiscoveryInvalidError(
            f"{url} answered with status {status} and "
            f"{'no JSON object' if found is None else 'an object'}."
        )
    return found


def _send(
    method: str, url: str, *, headers: Mapping[str, str] | None = None, body: str = ""
) -> tuple[int, bytes]:
    """Send one request and read a limited answer. Raises ProviderUnreachableError."""
    target = httpx.URL(url)
    address = _resolve(url, target)
    sent = {
        **(headers or {}),
        "Host": target.netloc.decode("ascii"),
        "Accept": "application/json",
        # Nothing is unpacked here, so that a small answer cannot become a large one.
        "Accept-Encoding": "identity",
    }
    try:
        with (
            httpx.Client(
                verify=_trusted(),
                timeout=_STEP_SECONDS,
                follow_redirects=False,
                trust_env=False,
            ) as client,
            client.stream(
                method,
                target.copy_with(host=address),
                headers=sent,
                content=body.encode() if body else None,
                # The certificate is held to the name, not to the address.
                extensions={"sni_hostname": target.host},
            ) as response,
        ):
            return response.status_code, _read(response)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise ProviderUnreachableError(
            f"{target.host} does not answer ({type(error).__name__})."
        ) from error


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Return the authorities that this host trusts; certificates are always checked."""
    return ssl.create_default_context()


def _resolve(url: str, target: httpx.URL) -> str:
    """Return the one address to connect to: looked up once, and checked."""
    check_url(url, may_be_loopback=is_workshop())
    port = target.port or (443 if target.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(target.host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ProviderUnreachableError(f"{target.host} is not known.") from error
    addresses = [str(row[4][0]) for row in found]
    if not settings.PORTWARD_FEDERATION_ALLOW_PRIVATE and not all(
        is_public(address) for address in addresses
    ):
        raise AddressRefusedError(f"{target.host} is not on the public internet.")
    return addresses[0]


def _read(response: httpx.Response) -> bytes:
    if response.is_redirect:
        raise ProviderUnreachableError(f"{response.url.host} answers with a redirect.")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise ProviderUnreachableError("The answer is packed, which was not asked for.")
    deadline = time.monotonic() + _TOTAL_SECONDS
    found = b""
    for piece in response.iter_raw():
        found += piece
        if len(found) > _LONGEST_ANSWER or time.monotonic() > deadline:
            raise ProviderUnreachableError("The answer is too long or too slow.")
    return found


def _object(answer: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(answer)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _code(found: Mapping[str, Any] | None) -> str:
    """Return the error code of RFC 6749, section 5.2, if it is one."""
    code = (found or {}).get("error")
    is_code = (
        isinstance(code, str) and code.isascii() and code.replace("_", "").isalnum()
    )
    return str(code)[:40] if is_code else "no reason"


def _b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
