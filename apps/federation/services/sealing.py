"""Encrypt what must be read back: client secrets and the values of a sign-in."""

from __future__ import annotations

import secrets
import uuid

from django.conf import settings

from apps.core import rules
from apps.federation.errors import ProviderInvalidError

SECRET = "identity provider secret"  # noqa: S105  # a purpose, not a secret
ATTEMPT = "federated sign-in"


def seal(text: str, *, use: str, owner: uuid.UUID) -> bytes:
    """Return a text that only `unseal` with the same use and owner can read."""
    return rules.seal(
        text.encode(),
        secret=settings.SECRET_KEY,
        purpose=use,
        bound_to=owner.bytes,
        nonce=secrets.token_bytes(rules.NONCE_BYTES),
    )


def unseal(sealed: bytes, *, use: str, owner: uuid.UUID) -> str:
    """Return a sealed text. Raises ProviderInvalidError if it is not this owner's."""
    found = rules.unseal(
        sealed,
        secrets=[settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS)],
        purpose=use,
        bound_to=owner.bytes,
    )
    if found is None:
        raise ProviderInvalidError(
            "The client secret cannot be read: the installation's secret changed.",
            remedy="Enter the client secret again.",
        )
    return found.decode()
