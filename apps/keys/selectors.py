"""Questions about the keys of the tenant whose scope is open."""

from __future__ import annotations

from apps.keys.choices import KeyState, Purpose
from apps.keys.models import SigningKey


def active_keys(purpose: Purpose) -> list[SigningKey]:
    """Return the keys that may sign for a purpose, in the order of algorithms."""
    return list(
        SigningKey.objects.filter(purpose=purpose, state=KeyState.ACTIVE).order_by(
            "algorithm"
        )
    )
