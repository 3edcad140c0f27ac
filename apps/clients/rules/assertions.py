"""What a client signs to prove itself (RFC 7523, section 3)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from apps.clients.errors import InvalidClientError
from apps.clients.rules import jose

LONGEST_LIFE: Final = dt.timedelta(minutes=5)
LEEWAY: Final = dt.timedelta(seconds=30)
_LONGEST_JTI: Final = 128


@dataclass(frozen=True)
class Proven:
    """An assertion that holds; its jti is still to be used up."""

    jti: str
    expires_at: dt.datetime


def issuer_of(assertion: str) -> str:
    """Return which client an assertion claims to be from, unproven."""
    try:
        issuer = jose.peek(assertion).claims.get("iss")
    except jose.JoseRefusedError as error:
        raise InvalidClientError from error
    return issuer if isinstance(issuer, str) else ""


def verify(
    assertion: str,
    *,
    client_id: str,
    keys: Sequence[jose.PublicKey],
    audiences: Sequence[str],
    now: dt.datetime,
) -> Proven:
    """Return the proof, or raise InvalidClientError.

    1. The signature holds under a registered key, with an algorithm of that key.
    2. Issuer and subject are the client.
    3. The audience is this server alone: the token endpoint or the issuer.
    4. It has not expired, lives for at most five minutes, and counts already.
    5. It has a `jti`, so that it can be used once.
    """
    try:
        token = jose.verify(assertion, keys, needs_kid=False)
    except jose.JoseRefusedError as error:
        raise InvalidClientError from error
    claims = token.claims
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise InvalidClientError("iss and sub of the assertion are the client_id.")
    if _audience(claims) not in audiences:
        raise InvalidClientError("aud of the assertion is not this server.")
    expires_at = _check_times(claims, now)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_JTI:
        raise InvalidClientError("The assertion has no jti of 1 to 128 characters.")
    return Proven(jti, expires_at)


def moment(value: object) -> dt.datetime | None:
    """Return the moment of a NumericDate (RFC 7519, section 2), or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return dt.datetime.fromtimestamp(value, dt.UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _audience(claims: Mapping[str, Any]) -> object:
    audience = claims.get("aud")
    if isinstance(audience, list):
        # An assertion for somebody else too could be passed on by them.
        return audience[0] if len(audience) == 1 else None
    return audience


def _check_times(claims: Mapping[str, Any], now: dt.datetime) -> dt.datetime:
    expires_at = moment(claims.get("exp"))
    if expires_at is None or expires_at <= now - LEEWAY:
        raise InvalidClientError("The assertion has expired.")
    if expires_at > now + LONGEST_LIFE + LEEWAY:
        raise InvalidClientError("The assertion lives for more than five minutes.")
    for name in ("nbf", "iat"):
        if name not in claims:
            continue
        begins = moment(claims[name])
        if begins is None or begins > now + LEEWAY:
            raise InvalidClientError(f"{name} of the assertion lies ahead.")
    return expires_at
