"""Signatures of webhooks, as Standard Webhooks 1.0.0 has them. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

SECRET_BYTES = 32
_PREFIX = "whsec_"


def secret_text(secret: bytes) -> str:
    """Return a secret as the receiver enters it."""
    return _PREFIX + base64.b64encode(secret).decode()


def signature_headers(
    *, message_id: str, timestamp: int, body: bytes, secrets: Sequence[bytes]
) -> dict[str, str]:
    """Return the headers that prove who sent a body, and when.

    One signature for each secret, so that a receiver can change over in its own time.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = [
        "v1,"
        + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
        for secret in secrets
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
