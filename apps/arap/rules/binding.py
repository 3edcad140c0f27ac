"""Whether a denial is one that a node of ours gave to this question. Pure."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from apps.arap.errors import ExpiredDenialError, InvalidDenialBindingError
from apps.arap.rules.requests import Question
from protocol.canonical import parse_json
from protocol.errors import ProtocolError

TYPE = "portward-denial+jwt"
SKEW_SECONDS = 30
LONGEST_SECONDS = 600
_PARTS = 3

# Returns the raw public key of an active node of the tenant, or None.
KeyOf = Callable[[uuid.UUID], bytes | None]


@dataclass(frozen=True)
class Denial:
    """What a binding token proves."""

    id: uuid.UUID
    node_id: uuid.UUID
    eligibility_id: uuid.UUID


def verify_binding(
    token: str, question: Question, *, audience: str, now: int, key_of: KeyOf
) -> Denial:
    """Return the denial that a token is about.

    Raises InvalidDenialBindingError and ExpiredDenialError. The time is looked at last:
    nobody learns from a forged token whether it is late.
    """
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise InvalidDenialBindingError
    header = _json(parts[0])
    if header.get("alg") != "EdDSA" or header.get("typ") != TYPE or "crit" in header:
        raise InvalidDenialBindingError
    node_id = _uuid(header.get("kid"))
    _verify_signature(parts, key_of(node_id))
    claims = _json(parts[1])
    if claims.get("aud") != audience or not isinstance(claims.get("iss"), str):
        raise InvalidDenialBindingError
    asked = {name: claims.get(name) for name in ("subject", "action", "resource")}
    if asked != question.to_dict():
        raise InvalidDenialBindingError
    found = Denial(_uuid(claims.get("jti")), node_id, _uuid(claims.get("eligibility")))
    _check_time(claims, now)
    return found


def _verify_signature(parts: list[str], key: bytes | None) -> None:
    if key is None:
        raise InvalidDenialBindingError
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(
            _bytes(parts[2]), f"{parts[0]}.{parts[1]}".encode()
        )
    except (InvalidSignature, ValueError) as error:
        raise InvalidDenialBindingError from error


def _check_time(claims: Mapping[str, Any], now: int) -> None:
    issued, until = claims.get("iat"), claims.get("exp")
    if type(issued) is not int or type(until) is not int:
        raise InvalidDenialBindingError
    is_odd = issued > now + SKEW_SECONDS or until - issued > LONGEST_SECONDS
    if is_odd or until < issued:
        raise InvalidDenialBindingError
    if now > until + SKEW_SECONDS:
        raise ExpiredDenialError


def _json(part: str) -> Mapping[str, Any]:
    try:
        found = parse_json(_bytes(part))
    except (ProtocolError, ValueError) as error:
        raise InvalidDenialBindingError from error
    if not isinstance(found, dict):
        raise InvalidDenialBindingError
    return found


def _bytes(part: str) -> bytes:
    try:
        return base64.b64decode(
            part + "=" * (-len(part) % 4), altchars=b"-_", validate=True
        )
    except ValueError as error:
        raise InvalidDenialBindingError from error


def _uuid(value: object) -> uuid.UUID:
    try:
        return uuid.UUID(str(value))
    except ValueError as error:
        raise InvalidDenialBindingError from error
