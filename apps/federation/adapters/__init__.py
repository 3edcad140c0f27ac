"""Talk to identity providers: the one place for Authlib, httpx and joserfc."""

from apps.federation.adapters.provider import (
    Outgoing,
    Tokens,
    authorization_url,
    discover,
    end_session_url,
    ensure_key,
    exchange,
    fetch_keys,
    new_outgoing,
    own_jwk,
)
from apps.federation.adapters.signatures import Signed, read_token

__all__ = [
    "Outgoing",
    "Signed",
    "Tokens",
    "authorization_url",
    "discover",
    "end_session_url",
    "ensure_key",
    "exchange",
    "fetch_keys",
    "new_outgoing",
    "own_jwk",
    "read_token",
]
