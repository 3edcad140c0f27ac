"""Encrypt what must be read back: client secrets and the values of a sign-in.

The keys are derived from the installation's secret, one for each use (RFC 5869), and
what is sealed for one row cannot be opened as another's.
"""

from __future__ import annotations

import secrets
import uuid

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from apps.federation.errors import ProviderInvalidError

_NONCE_BYTES = 12
SECRET = b"portward identity provider secret v1"
ATTEMPT = b"portward federated sign-in v1"


def seal(text: str, *, use: bytes, owner: uuid.UUID) -> bytes:
    """Return a text that only `unseal` with the same use and owner can read."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + _key(use).encrypt(nonce, text.encode(), owner.bytes)


def unseal(sealed: bytes, *, use: bytes, owner: uuid.UUID) -> str:
    """Return a sealed text. Raises ProviderInvalidError if it is not this owner's."""
    nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return _key(use).decrypt(nonce, rest, owner.bytes).decode()
    except (InvalidTag, ValueError) as error:
        raise ProviderInvalidError(
            "The client secret cannot be read: the installation's secret changed.",
            remedy="Enter the client secret again.",
        ) from error


def _key(use: bytes) -> AESGCM:
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=use)
    return AESGCM(derived.derive(settings.SECRET_KEY.encode()))
