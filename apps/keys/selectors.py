"""Questions about the keys of the tenant whose scope is open."""

from __future__ import annotations

import datetime as dt

from django.db.models import Q

from apps.keys.choices import KeyState, Purpose
from apps.keys.models import SigningKey


def active_keys(purpose: Purpose) -> list[SigningKey]:
    """Return the keys that may sign for a purpose, in the order of algorithms."""
    return list(
        SigningKey.objects.filter(purpose=purpose, state=KeyState.ACTIVE).order_by(
            "algorithm"
        )
    )


def token_keys(*, retired_since: dt.datetime) -> list[SigningKey]:
    """Return the keys that access tokens may bear: next, active and just retired."""
    return list(
        SigningKey.objects.filter(purpose=Purpose.TOKENS)
        .filter(
            Q(state__in=[KeyState.NEXT, KeyState.ACTIVE])
            | Q(state=KeyState.RETIRED, retired_at__gt=retired_since)
        )
        .order_by("created_at")
    )


def token_key(state: KeyState) -> SigningKey | None:
    """Return the key for access tokens that is in a state of which there is one."""
    return SigningKey.objects.filter(purpose=Purpose.TOKENS, state=state).first()
