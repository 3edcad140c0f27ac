"""Seal what must be stored but not read: authenticated encryption with rotating keys.

AES-256-GCM (NIST SP 800-38D); keys are derived by HKDF (RFC 5869) from the secrets of
the installation, one for each purpose, so that what is sealed for one serves no other.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12


def seal(
    data: bytes, *, secret: str, purpose: str, bound_to: bytes, nonce: bytes
) -> bytes:
    """Return the data encrypted and bound to a row; `nonce` is 12 fresh bytes."""
    if len(nonce) != NONCE_BYTES:
        raise ValueError("a nonce has 12 bytes")
    return nonce + _key(secret, purpose).encrypt(nonce, data, bound_to)


def unseal(
    sealed: bytes, *, secrets: Sequence[str], purpose: str, bound_to: bytes
) -> bytes | None:
    """Return the data, or None if no secret opens it or it was tampered with."""
    nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    for secret in secrets:
        try:
            return _key(secret, purpose).decrypt(nonce, rest, bound_to)
        except (InvalidTag, ValueError):
            continue
    return None


def _key(secret: str, purpose: str) -> AESGCM:
    info = f"portward {purpose} v1".encode()
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info)
    return AESGCM(derived.derive(secret.encode()))
