"""Decide whether what a provider publishes about itself can be relied on.

OpenID Connect Discovery 1.0, section 4.3; RFC 7517; RFC 9700, section 2.1.1.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from apps.federation.errors import AddressRefusedError, DiscoveryInvalidError
from apps.federation.rules.addresses import check_url
from apps.federation.rules.tokens import ALGORITHMS

_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_URLS = (*_NEEDED, "end_session_endpoint")
_KEPT = (
    "issuer",
    *_URLS,
    "acr_values_supported",
    "claims_supported",
    "id_token_signing_alg_values_supported",
    "scopes_supported",
    "token_endpoint_auth_methods_supported",
    "authorization_response_iss_parameter_supported",
    "backchannel_logout_supported",
    "backchannel_logout_session_supported",
)
_PUBLIC = ("kty", "kid", "use", "alg", "n", "e", "crv", "x", "y")
_KINDS = frozenset({"RSA", "EC", "OKP"})
_SMALLEST_RSA_BYTES = 256
_MOST_KEYS = 50


def check_metadata(
    document: Mapping[str, Any],
    *,
    issuer: str,
    client_auth: str,
    may_be_loopback: bool,
) -> dict[str, Any]:
    """Return the part of a discovery document that is used.

    1. It is about the configured issuer, exactly.
    2. Each address in it may be fetched from.
    3. Code flow, PKCE with S256, one of our algorithms and our way of authentication
       are offered, wherever it says what is.

    Raises DiscoveryInvalidError.
    """
    if document.get("issuer") != issuer:
        raise DiscoveryInvalidError(
            f"The provider calls itself “{str(document.get('issuer'))[:200]}”.",
            field="issuer",
            remedy="Enter the issuer exactly as the provider spells it.",
        )
    for name in _URLS:
        _check_address(document, name, may_be_loopback=may_be_loopback)
    _check_offer(document, "response_types_supported", {"code"}, {"code"})
    _check_offer(document, "code_challenge_methods_supported", {"S256"}, {"S256"})
    _check_offer(
        document,
        "id_token_signing_alg_values_supported",
        set(ALGORITHMS),
        {"RS256"},
    )
    _check_offer(
        document,
        "token_endpoint_auth_methods_supported",
        {client_auth},
        {client_auth},
    )
    return {name: document[name] for name in _KEPT if name in document}


def public_keys(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a set that can be used, their public halves only.

    Raises DiscoveryInvalidError when there is none.
    """
    rows = document.get("keys")
    found = [
        {name: row[name] for name in _PUBLIC if isinstance(row.get(name), str)}
        for row in (rows if isinstance(rows, list) else [])[:_MOST_KEYS]
        if isinstance(row, dict) and row.get("kty") in _KINDS and _is_strong(row)
    ]
    if not found:
        raise DiscoveryInvalidError("The provider publishes no key that can be used.")
    return {"keys": found}


def _check_address(
    document: Mapping[str, Any], name: str, *, may_be_loopback: bool
) -> None:
    value = document.get(name)
    if value is None and name not in _NEEDED:
        return
    try:
        check_url(str(value or ""), may_be_loopback=may_be_loopback)
    except AddressRefusedError as error:
        raise DiscoveryInvalidError(
            f"The provider's {name} cannot be used: {error.message}"
        ) from error


def _check_offer(
    document: Mapping[str, Any], name: str, accepted: set[str], default: set[str]
) -> None:
    value = document.get(name)
    offered = (
        {v for v in value if isinstance(v, str)} if isinstance(value, list) else default
    )
    if not offered & accepted:
        raise DiscoveryInvalidError(
            f"The provider's {name} has none of {', '.join(sorted(accepted))}."
        )


def _is_strong(row: Mapping[str, Any]) -> bool:
    """Refuse RSA keys below 2048 bits (NIST SP 800-131A)."""
    if row.get("kty") != "RSA":
        return True
    modulus = str(row.get("n", ""))
    try:
        value = base64.urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))
    except (ValueError, binascii.Error):
        return False
    return len(value.lstrip(b"\0")) >= _SMALLEST_RSA_BYTES
