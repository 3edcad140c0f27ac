"""What a join token and a node's name and key must be. Pure."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import re

JOIN_TOKEN_LIFETIME = dt.timedelta(minutes=10)
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")
_KEY_BYTES = 32


def is_node_name(name: str) -> bool:
    """Say whether a name is fit for a node (a host name, RFC 1123)."""
    return bool(_NAME.fullmatch(name))


def token_hash(token: str) -> str:
    """Return what is stored of a join token."""
    return hashlib.sha256(b"portward-join-token-v1\0" + token.encode()).hexdigest()


def is_token_usable(
    *, expires_at: dt.datetime, used_at: dt.datetime | None, now: dt.datetime
) -> bool:
    """Say whether a join token still opens the door: once, and not after its end."""
    return used_at is None and now < expires_at


def parse_public_key(text: str) -> bytes | None:
    """Return the 32 bytes of an Ed25519 public key in base64url, or None."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == _KEY_BYTES else None
