"""Decide whether a token whose signature holds says what it must.

OpenID Connect Core 1.0, section 3.1.3.7; RFC 9207; OpenID Connect Back-Channel Logout
1.0, section 2.6.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.federation.errors import (
    AccessTokenHashError,
    AlgorithmRefusedError,
    AnswerIssuerError,
    AuthenticationStaleError,
    LogoutRefusedError,
    TokenExpiredError,
    TokenFromFutureError,
    TokenMalformedError,
    WrongAudienceError,
    WrongIssuerError,
    WrongNonceError,
)

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
LEEWAY_SECONDS = 60
# A logout is acted upon at once; an old token is a repeated one.
LOGOUT_MAX_AGE_SECONDS = 300
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_LONGEST_ID = 255
# RFC 8037, section 3.1, leaves the hash to the curve; Ed25519 uses SHA-512.
_HASHES = {"RS256": "sha256", "PS256": "sha256", "ES256": "sha256"}

Claims = Mapping[str, Any]


@dataclass(frozen=True)
class Expected:
    """What a token is held against. `max_age` is in seconds, None if not asked."""

    issuer: str
    client_id: str
    nonce_hash: str = ""
    max_age: int | None = None


@dataclass(frozen=True)
class Logout:
    """Whom a provider signed out: one session of theirs, or all of a subject's."""

    subject: str
    session: str
    serial: str
    expires_at: int


def hash_nonce(nonce: str) -> str:
    """Return what is stored of a nonce."""
    return hashlib.sha256(b"portward-oidc-nonce\0" + nonce.encode()).hexdigest()


def check_answer_issuer(sent: str, *, issuer: str, is_advertised: bool) -> None:
    """Hold the `iss` of an answer to the provider that was asked (RFC 9207).

    Raises AnswerIssuerError, also when it is missing though it was announced.
    """
    if sent != issuer and (sent or is_advertised):
        raise AnswerIssuerError


def check_id_token(
    claims: Claims,
    *,
    header: Claims,
    expected: Expected,
    access_token: str,
    now: int,
) -> str:
    """Return the subject of an ID token whose signature was verified.

    1. It was issued by the provider that was asked, exactly.
    2. For us, exactly; when there are several audiences, `azp` names us.
    3. For this sign-in: the nonce is ours.
    4. It is neither expired nor from the future.
    5. The person proved themselves recently enough, if that was asked.
    6. The access token beside it is the one it was issued with, if it says which.
    """
    if claims.get("iss") != expected.issuer:
        raise WrongIssuerError
    _check_audience(claims, expected.client_id)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(
        hash_nonce(nonce), expected.nonce_hash
    ):
        raise WrongNonceError
    _check_times(claims, now)
    if expected.max_age is not None:
        _check_auth_time(claims, expected.max_age, now)
    if "at_hash" in claims and claims["at_hash"] != at_hash(
        access_token, str(header.get("alg", ""))
    ):
        raise AccessTokenHashError
    return _identifier(claims, "sub")


def check_logout_token(
    claims: Claims, *, header: Claims, expected: Expected, now: int
) -> Logout:
    """Return whom a logout token whose signature was verified is about.

    1. It says what it is: a logout token, and nothing that could be an ID token.
    2. Issuer and audience are what they must be.
    3. It is fresh, and carries an identifier by which a second use is seen.
    4. It names a session, a subject or both.

    Raises LogoutRefusedError, and what the checks shared with ID tokens raise.
    """
    if str(header.get("typ", "logout+jwt")).lower() not in {"logout+jwt", "jwt"}:
        raise LogoutRefusedError("The token is of another type.")
    events = claims.get("events")
    if not isinstance(events, Mapping) or not isinstance(
        events.get(LOGOUT_EVENT), Mapping
    ):
        raise LogoutRefusedError("The token does not announce a logout.")
    if "nonce" in claims:
        raise LogoutRefusedError("A logout token has no nonce.")
    if claims.get("iss") != expected.issuer:
        raise WrongIssuerError
    _check_audience(claims, expected.client_id)
    _check_times(claims, now)
    if now - _number(claims, "iat") > LOGOUT_MAX_AGE_SECONDS + LEEWAY_SECONDS:
        raise TokenExpiredError
    subject = _identifier(claims, "sub") if "sub" in claims else ""
    session = _identifier(claims, "sid") if "sid" in claims else ""
    if not subject and not session:
        raise LogoutRefusedError("The token names neither a session nor a subject.")
    return Logout(subject, session, _identifier(claims, "jti"), _number(claims, "exp"))


def provider_session(claims: Claims) -> str:
    """Return the provider's session identifier, empty if it has none we can keep."""
    value = claims.get("sid")
    return value if isinstance(value, str) and len(value) <= _LONGEST_ID else ""


def at_hash(access_token: str, algorithm: str) -> str:
    """Return the left half of a token's hash (OpenID Connect Core, 3.1.3.6)."""
    name = _HASHES.get(algorithm, "sha512")
    digest = hashlib.new(name, access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def check_algorithm(header: Claims) -> str:
    """Return the algorithm of a token. Raises AlgorithmRefusedError."""
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS or "crit" in header:
        raise AlgorithmRefusedError
    return str(algorithm)


def _check_audience(claims: Claims, client_id: str) -> None:
    audience = claims.get("aud")
    several = audience if isinstance(audience, list) else [audience]
    if client_id not in several:
        raise WrongAudienceError
    authorized = claims.get("azp")
    if len(several) > 1 and authorized is None:
        raise WrongAudienceError("The token is for several applications.")
    if authorized is not None and authorized != client_id:
        raise WrongAudienceError


def _check_times(claims: Claims, now: int) -> None:
    if _number(claims, "exp") <= now - LEEWAY_SECONDS:
        raise TokenExpiredError
    if _number(claims, "iat") > now + LEEWAY_SECONDS:
        raise TokenFromFutureError
    if "nbf" in claims and _number(claims, "nbf") > now + LEEWAY_SECONDS:
        raise TokenFromFutureError


def _check_auth_time(claims: Claims, max_age: int, now: int) -> None:
    if "auth_time" not in claims:
        raise AuthenticationStaleError(
            "Your identity provider does not say when you signed in there."
        )
    if _number(claims, "auth_time") + max_age < now - LEEWAY_SECONDS:
        raise AuthenticationStaleError


def _number(claims: Claims, name: str) -> int:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenMalformedError(f"The token lacks {name}.")
    return int(value)


def _identifier(claims: Claims, name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID:
        raise TokenMalformedError(f"The token lacks {name}.")
    return value
