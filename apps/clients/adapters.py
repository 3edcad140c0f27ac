"""Sign access tokens with a key that stays in the key store."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from apps.clients.rules import access_tokens, jose
from apps.keys import adapters as keys
from apps.keys.models import SigningKey


def sign_access_token(key: SigningKey, claims: Mapping[str, Any]) -> str:
    """Return the signed token (RFC 9068, section 2.1)."""
    public = jose.key_from_der(bytes(key.public_key))
    header = {
        "alg": public.algorithms[0],
        "kid": public.kid,
        "typ": access_tokens.TYPE,
    }
    return jose.compose(header, claims, functools.partial(keys.sign, key))
