"""Access tokens: what is in them, and when they count (RFC 9068)."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from apps.clients.errors import AccessTokenRefusedError, InvalidScopeError
from apps.clients.rules import jose
from apps.clients.rules.addresses import Addresses
from apps.clients.rules.assertions import moment

TYPE: Final = "at+jwt"
LIFETIME: Final = dt.timedelta(minutes=10)
LONGEST_LIFETIME: Final = dt.timedelta(minutes=15)
LEEWAY: Final = dt.timedelta(seconds=10)
PERSONAL: Final = "personal:"
_MULTI_FACTOR: Final = frozenset({"mfa", "phr", "phrh"})


@dataclass(frozen=True)
class Holder:
    """Whom a token is for and what it carries, before it is signed."""

    subject: str
    client_id: str
    scopes: tuple[str, ...]
    certificate: str = ""
    acr: str = ""
    amr: tuple[str, ...] = ()
    auth_time: dt.datetime | None = None


@dataclass(frozen=True)
class Claims:
    """The claims of a token that has been checked."""

    subject: str
    client_id: str
    jti: uuid.UUID
    expires_at: dt.datetime
    scopes: frozenset[str]
    certificate: str
    acr: str
    everything: Mapping[str, Any]

    @property
    def personal_token(self) -> uuid.UUID | None:
        """Return the personal token that this one was exchanged for, if it was."""
        if not self.client_id.startswith(PERSONAL):
            return None
        return _uuid(self.client_id.removeprefix(PERSONAL))


def build(
    *,
    holder: Holder,
    issuer: str,
    audience: str,
    tenant_id: uuid.UUID,
    now: dt.datetime,
) -> dict[str, Any]:
    """Return the claims of a new token (RFC 9068, section 2.2)."""
    issued = int(now.timestamp())
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": holder.subject,
        "aud": audience,
        "iat": issued,
        "nbf": issued,
        "exp": issued + int(LIFETIME.total_seconds()),
        "jti": str(uuid.uuid4()),
        "client_id": holder.client_id,
        "scope": " ".join(holder.scopes),
        "tenant": str(tenant_id),
    }
    if holder.certificate:
        claims["cnf"] = {"x5t#S256": holder.certificate}
    if holder.acr:
        claims |= {"acr": holder.acr, "amr": list(holder.amr)}
        if holder.auth_time is not None:
            claims["auth_time"] = int(holder.auth_time.timestamp())
        if holder.acr in _MULTI_FACTOR:
            claims["mfa"] = True
    return claims


def choose_scopes(wanted: str, allowed: Sequence[str]) -> tuple[str, ...]:
    """Return the scopes that a token gets: those asked for, or all that are allowed.

    RFC 6749, section 3.3. Raises InvalidScopeError when one is not allowed.
    """
    asked = wanted.split(" ") if wanted else list(allowed)
    if not asked or not set(asked) <= set(allowed):
        raise InvalidScopeError
    return tuple(sorted(set(asked)))


def check(
    token: str,
    *,
    keys: Sequence[jose.PublicKey],
    addresses: Addresses,
    slug: str,
    tenant_id: uuid.UUID,
    now: dt.datetime,
) -> Claims:
    """Return the claims of a token, or raise AccessTokenRefusedError.

    1. The type is at+jwt, so that no other signed thing passes (RFC 8725, 3.11).
    2. The algorithm is the key's, the key one of the tenant's, the signature holds.
    3. Issuer and audience are exactly ours.
    4. It is not expired and counts already.
    5. The tenant is the one whose key signed it.
    """
    try:
        if str(jose.peek(token).header.get("typ")).lower() != TYPE:
            raise AccessTokenRefusedError("typ is not at+jwt")
        claims = jose.verify(token, keys, needs_kid=True).claims
    except jose.JoseRefusedError as error:
        raise AccessTokenRefusedError(str(error)) from error
    if claims.get("iss") != addresses.issuer(slug):
        raise AccessTokenRefusedError("iss is not the tenant's")
    if claims.get("aud") != addresses.audience:
        raise AccessTokenRefusedError("aud is not this API")
    expires_at = _check_times(claims, now)
    if claims.get("tenant") != str(tenant_id):
        raise AccessTokenRefusedError("tenant is not the issuer's")
    return _read(claims, expires_at)


def _check_times(claims: Mapping[str, Any], now: dt.datetime) -> dt.datetime:
    expires_at, begins = moment(claims.get("exp")), moment(claims.get("nbf"))
    if expires_at is None or expires_at <= now - LEEWAY:
        raise AccessTokenRefusedError("exp has passed")
    if begins is None or begins > now + LEEWAY:
        raise AccessTokenRefusedError("nbf lies ahead")
    if expires_at - begins > LONGEST_LIFETIME:
        raise AccessTokenRefusedError("it lives for more than 15 minutes")
    return expires_at


def _read(claims: Mapping[str, Any], expires_at: dt.datetime) -> Claims:
    jti = _uuid(claims.get("jti"))
    names = [claims.get(name) for name in ("sub", "client_id", "scope")]
    subject, client_id, scope = (n if isinstance(n, str) else "" for n in names)
    if jti is None or not subject or not client_id:
        raise AccessTokenRefusedError("jti, sub or client_id is missing")
    bound = claims.get("cnf", {})
    thumbprint = bound.get("x5t#S256", "") if isinstance(bound, dict) else ""
    if "cnf" in claims and not thumbprint:
        raise AccessTokenRefusedError("cnf names no certificate")
    return Claims(
        subject=subject,
        client_id=client_id,
        jti=jti,
        expires_at=expires_at,
        scopes=frozenset(scope.split()),
        certificate=str(thumbprint),
        acr=str(claims.get("acr", "none")),
        everything=claims,
    )


def _uuid(value: object) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(value))
    except ValueError:
        return None
