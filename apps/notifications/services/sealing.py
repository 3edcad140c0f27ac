"""Encrypt what must be read back: addresses of channels, and their secrets."""

from __future__ import annotations

import secrets
import uuid

from django.conf import settings

from apps.core import rules
from apps.notifications.errors import SecretUnreadableError

_PURPOSE = "notification channel"


def seal(data: bytes, *, owner: uuid.UUID) -> bytes:
    """Return data that only `unseal` with the same owner can read."""
    return rules.seal(
        data,
        secret=settings.SECRET_KEY,
        purpose=_PURPOSE,
        bound_to=owner.bytes,
        nonce=secrets.token_bytes(rules.NONCE_BYTES),
    )


def unseal(sealed: bytes, *, owner: uuid.UUID) -> bytes:
    """Return sealed data. Raises SecretUnreadableError if it is not this owner's."""
    found = rules.unseal(
        bytes(sealed),
        secrets=[settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS)],
        purpose=_PURPOSE,
        bound_to=owner.bytes,
    )
    if found is None:
        raise SecretUnreadableError
    return found
