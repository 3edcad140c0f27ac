"""Signed tokens (RFC 7515) and public keys (RFC 7517); the one place with joserfc.

The algorithm follows from the key, never from the token: a key names those that it may
be used with, and a token with any other is refused before its signature is looked at.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc import jwk, jws
from joserfc.errors import JoseError

LONGEST_TOKEN: Final = 8192
SMALLEST_RSA_BITS: Final = 2048
# Members that bring a key, point at one, or change what is signed, are not among them.
_KNOWN_HEADER: Final = frozenset({"alg", "kid", "typ", "cty", "x5t", "x5t#S256"})
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
# RFC 9864 names Ed25519 by its own name; EdDSA is what most clients still send.
_BY_KIND: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("EC", "P-256"): ("ES256",),
    ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),
    ("RSA", ""): ("PS256", "RS256"),
}


class JoseRefusedError(ValueError):
    """A token or a key is not acceptable; the text says why."""


@dataclass(frozen=True)
class PublicKey:
    """A public key, its name, and the algorithms that it may be used with."""

    kid: str
    algorithms: tuple[str, ...]
    members: Mapping[str, str]

    def as_jwk(self) -> dict[str, Any]:
        """Return the key for a key set; one that names its algorithm keeps to it."""
        bound = {"alg": self.algorithms[0]} if len(self.algorithms) == 1 else {}
        return {**self.members, "kid": self.kid, "use": "sig", **bound}


@dataclass(frozen=True)
class Token:
    """The header and claims of a token."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def key_from_jwk(members: Mapping[str, Any]) -> PublicKey:
    """Return a public key that may verify, or raise JoseRefusedError."""
    algorithms = _check_members(members)
    try:
        key = jwk.import_key({k: v for k, v in members.items() if k in _MATERIAL})
        public = {str(k): str(v) for k, v in key.as_dict(private=False).items()}
        thumbprint = key.thumbprint()
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise JoseRefusedError("The key cannot be read.") from error
    kid = members.get("kid") or thumbprint
    if not isinstance(kid, str) or len(kid) > _LONGEST_KID:
        raise JoseRefusedError("The kid of a key is a text of at most 128 characters.")
    return PublicKey(kid, algorithms, public)


def key_from_pem(text: str) -> PublicKey:
    """Return the public key in a PEM block, or raise JoseRefusedError."""
    if "PRIVATE KEY" in text:
        raise JoseRefusedError("This is a private key. Send the public half only.")
    try:
        return key_from_crypto(serialization.load_pem_public_key(text.encode()))
    except (ValueError, UnsupportedAlgorithm) as error:
        if isinstance(error, JoseRefusedError):
            raise
        raise JoseRefusedError("The key cannot be read.") from error


def make_key_pair() -> tuple[str, PublicKey]:
    """Return a new private key (PEM, PKCS #8) and its public half, for ES256."""
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem.decode("ascii"), key_from_crypto(private.public_key())


def as_text(members: Sequence[Mapping[str, Any]]) -> str:
    """Return public keys as the set that `read_public_keys` reads."""
    return json.dumps({"keys": list(members)}, indent=2)


def read_public_keys(text: str) -> list[PublicKey]:
    """Return the keys in a JWK, a JWK set or PEM blocks, or raise JoseRefusedError."""
    text = text.strip()
    if text.startswith("-----"):
        blocks = re.findall(r"-----BEGIN [^-]+-----[^-]+-----END [^-]+-----", text)
        if not blocks:
            raise JoseRefusedError("The PEM block has no end.")
        return [key_from_pem(block) for block in blocks]
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise JoseRefusedError("This is neither JSON nor PEM.") from error
    rows = found.get("keys", [found]) if isinstance(found, dict) else found
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise JoseRefusedError("This is no key and no key set.")
    return [key_from_jwk(row) for row in rows]


def key_from_der(content: bytes) -> PublicKey:
    """Return the public key in a SubjectPublicKeyInfo, or raise JoseRefusedError."""
    return key_from_crypto(serialization.load_der_public_key(content))


def key_from_crypto(key: object) -> PublicKey:
    """Return a key of the cryptography library, named by its RFC 7638 thumbprint."""
    match key:
        case ec.EllipticCurvePublicKey():
            members = jwk.ECKey(key, key).as_dict(private=False)
        case ed25519.Ed25519PublicKey():
            members = jwk.OKPKey(key, key).as_dict(private=False)
        case rsa.RSAPublicKey():
            members = jwk.RSAKey(key, key).as_dict(private=False)
        case _:
            raise JoseRefusedError("Use a key for ES256, Ed25519, PS256 or RS256.")
    return key_from_jwk(members)


def peek(token: str) -> Token:
    """Return what a token says, unproven: only to find whose key to ask."""
    parts = token.split(".")
    if len(token) > LONGEST_TOKEN or len(parts) != _PARTS:
        raise JoseRefusedError("This is no signed token.")
    header, claims = (_json(part) for part in parts[:2])
    if header.keys() - _KNOWN_HEADER:
        raise JoseRefusedError("The header has members that are not accepted.")
    return Token(header, claims)


def verify(token: str, keys: Sequence[PublicKey], *, needs_kid: bool) -> Token:
    """Return a token whose signature holds, or raise JoseRefusedError.

    1. The header has no member that brings a key or changes what is signed.
    2. `kid` names one of the keys; without it there is exactly one key to name.
    3. `alg` is one of those of that key (RFC 8725, section 3.1).
    4. The signature holds.
    """
    seen = peek(token)
    key = _select(seen.header, keys, needs_kid=needs_kid)
    algorithm = seen.header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in key.algorithms:
        raise JoseRefusedError("The algorithm is not one of the key's.")
    try:
        # The library calls EdDSA outdated but verifies both names the same way.
        name = "Ed25519" if algorithm == "EdDSA" else algorithm
        signed, _, signature = token.rpartition(".")
        model = jws.JWSRegistry.algorithms[name]
        native = jwk.import_key(dict(key.members))
        model.check_key(native)
        holds = model.verify(signed.encode("ascii"), _bytes(signature), native)
    except (JoseError, ValueError, TypeError) as error:
        raise JoseRefusedError("The signature does not hold.") from error
    if not holds:
        raise JoseRefusedError("The signature does not hold.")
    return seen


def compose(
    header: Mapping[str, Any],
    claims: Mapping[str, Any],
    sign: Callable[[bytes], bytes],
) -> str:
    """Return a signed token (RFC 7515, section 7.1); `sign` may be a key store's."""
    signed = b".".join(_encode(_dump(part)) for part in (header, claims))
    return (signed + b"." + _encode(sign(signed))).decode("ascii")


_MATERIAL: Final = frozenset({"kty", "crv", "x", "y", "n", "e"})
_PARTS: Final = 3
_BASE64URL: Final = re.compile(r"^[A-Za-z0-9_-]*\Z")
_LONGEST_KID: Final = 128


def _check_members(members: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the algorithms that a JWK may be used with; refuse what is no such key."""
    if _PRIVATE_MEMBERS & members.keys():
        raise JoseRefusedError("This is a private key. Send the public half only.")
    if members.get("use", "sig") != "sig":
        raise JoseRefusedError("The key is not meant for signatures.")
    if members.get("kty") == "RSA":
        modulus = int.from_bytes(_bytes(str(members.get("n", ""))), "big")
        if modulus.bit_length() < SMALLEST_RSA_BITS:
            raise JoseRefusedError("An RSA key needs at least 2048 bits.")
    allowed = _algorithms_of(members)
    wanted = members.get("alg", allowed[0])
    if wanted not in allowed:
        raise JoseRefusedError("The key is meant for an algorithm not accepted.")
    return (wanted,) if "alg" in members else allowed


def _algorithms_of(members: Mapping[str, Any]) -> tuple[str, ...]:
    kind = (str(members.get("kty", "")), str(members.get("crv", "")))
    if kind not in _BY_KIND:
        raise JoseRefusedError("Use a key for ES256, Ed25519, PS256 or RS256.")
    return _BY_KIND[kind]


def _select(
    header: Mapping[str, Any], keys: Sequence[PublicKey], *, needs_kid: bool
) -> PublicKey:
    kid = header.get("kid")
    found = [key for key in keys if kid in {None, key.kid}]
    if (kid is None and needs_kid) or len(found) != 1:
        raise JoseRefusedError("No key has the kid that the token names.")
    return found[0]


def _json(part: str) -> dict[str, Any]:
    try:
        value = json.loads(_bytes(part), object_pairs_hook=_no_twins)
    except (ValueError, RecursionError) as error:
        raise JoseRefusedError("This is no signed token.") from error
    if not isinstance(value, dict):
        raise JoseRefusedError("This is no signed token.")
    return value


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # RFC 7515, section 4: a member that comes twice is refused.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member comes twice")
    return found


def _bytes(part: str) -> bytes:
    if not _BASE64URL.match(part):
        raise JoseRefusedError("This is no signed token.")
    try:
        return base64.b64decode(
            part + "=" * (-len(part) % 4), altchars=b"-_", validate=True
        )
    except (binascii.Error, ValueError) as error:
        raise JoseRefusedError("This is no signed token.") from error


def _encode(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def _dump(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
