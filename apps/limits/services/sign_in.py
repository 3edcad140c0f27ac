"""Slow down whoever guesses passwords and codes, without locking the owner out.

An attempt takes its tokens before it is judged, so that many at once gain nothing, and
a success gives them back. Names are counted as they were typed: an account that does
not exist is slowed down like one that does.
"""

from __future__ import annotations

import unicodedata

from django.utils import timezone

from apps.limits.errors import SignInThrottledError
from apps.limits.rules import Bucket, client_key
from apps.limits.rules.table import SIGN_IN_ACCOUNT, SIGN_IN_ADDRESS, SIGN_IN_PAIR
from apps.limits.selectors import bucket
from apps.limits.services.buckets import fill, give_back, take
from apps.limits.services.refusals import KEPT, note_refusal
from apps.limits.services.storage import committed, digest

_REMEMBER = """
INSERT INTO limits_knownaddress (key, seen_at) VALUES (%s, now())
ON CONFLICT (key) DO UPDATE SET seen_at = excluded.seen_at
"""
_IS_KNOWN = "SELECT 1 FROM limits_knownaddress WHERE key = %s AND seen_at > %s"


def check_sign_in(*, account: str, address: str) -> None:
    """Take a token for one attempt; call this before anything is compared.

    1. From this address for this account.
    2. For this account from anywhere, unless the owner was here before: whoever
       guesses elsewhere must not lock the owner out.
    3. From this address for any account.

    Raises SignInThrottledError; then nothing was taken.
    """
    taken: list[tuple[Bucket, str]] = []
    for chosen, key in _buckets(account, address):
        verdict = take(chosen, key)
        if not verdict.is_allowed:
            for one, its_key in taken:
                give_back(one, its_key)
            note_refusal(code=SignInThrottledError.code, address=address)
            raise SignInThrottledError(retry_after=verdict.retry_after)
        taken.append((chosen, key))


def note_sign_in_failure(*, account: str, address: str) -> None:  # noqa: ARG001  # the attempt was paid for when it was checked
    """Keep what the attempt took, and count it for the operators."""
    note_refusal(code="limits.sign_in_failed", address=address)


def note_sign_in_success(*, account: str, address: str) -> None:
    """Give back what the attempt took, and know the address from now on."""
    pair, *others = _buckets(account, address)
    fill(*pair)
    for chosen, key in others:
        give_back(chosen, key)
    with committed() as cursor:
        cursor.execute(_REMEMBER, [_known(account, address)])


def _buckets(account: str, address: str) -> list[tuple[Bucket, str]]:
    name, place = _normal(account), client_key(address)
    found = [(bucket(SIGN_IN_PAIR), f"{place} {name}")]
    if not _is_known(account, address):
        found.append((bucket(SIGN_IN_ACCOUNT), name))
    return [*found, (bucket(SIGN_IN_ADDRESS), place)]


def _is_known(account: str, address: str) -> bool:
    with committed() as cursor:
        cursor.execute(_IS_KNOWN, [_known(account, address), timezone.now() - KEPT])
        return cursor.fetchone() is not None


def _known(account: str, address: str) -> str:
    return digest("known", _normal(account), client_key(address))


def _normal(account: str) -> str:
    return unicodedata.normalize("NFKC", account).strip().casefold()
