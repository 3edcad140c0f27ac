"""Record keys that a store has made."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

from django.db import transaction

from apps.audit import services as audit
from apps.audit.events import Actor
from apps.keys.choices import (
    TENANT_KEYS,
    TOKEN_ALGORITHM,
    Algorithm,
    KeyState,
    Purpose,
)
from apps.keys.errors import KeyTooYoungError
from apps.keys.events import KeyAction
from apps.keys.models import SigningKey
from apps.tenants.services import require_tenant_id

# Whoever verifies tokens may keep the key set for this long.
PUBLISHED_AHEAD = dt.timedelta(hours=1)


@dataclass(frozen=True)
class KeyRequest:
    """A key that a tenant lacks, and where the store shall keep it."""

    purpose: Purpose
    algorithm: Algorithm
    reference: str
    state: KeyState = KeyState.ACTIVE


def missing_keys() -> list[KeyRequest]:
    """Return the keys that the current tenant needs and has no active one of."""
    tenant_id = require_tenant_id()
    known = list(SigningKey.objects.values_list("purpose", "algorithm", "state"))
    return [
        KeyRequest(
            purpose,
            algorithm,
            # Retired keys keep their places, so a successor never revives one.
            f"{tenant_id}/{purpose.value}-{algorithm.value}-"
            f"{1 + sum(row[:2] == (purpose, algorithm) for row in known)}",
        )
        for purpose, algorithm in TENANT_KEYS
        if (purpose, algorithm, KeyState.ACTIVE) not in known
    ]


def missing_token_keys() -> list[KeyRequest]:
    """Return the keys for access tokens that the current tenant lacks."""
    tenant_id = require_tenant_id()
    known = list(
        SigningKey.objects.filter(purpose=Purpose.TOKENS).values_list(
            "state", flat=True
        )
    )
    lacking = [s for s in (KeyState.ACTIVE, KeyState.NEXT) if s not in known]
    return [
        KeyRequest(
            Purpose.TOKENS,
            TOKEN_ALGORITHM,
            f"{tenant_id}/{Purpose.TOKENS.value}-{TOKEN_ALGORITHM.value}-{number}",
            state,
        )
        for number, state in enumerate(lacking, start=len(known) + 1)
    ]


@transaction.atomic
def rotate_token_keys(*, actor: Actor, now: dt.datetime) -> SigningKey:
    """Let the next key for access tokens sign; the last one is still published.

    Raises KeyTooYoungError when the next key has not been published for an hour.
    """
    keys = {
        key.state: key
        for key in SigningKey.objects.select_for_update().filter(
            purpose=Purpose.TOKENS, state__in=[KeyState.ACTIVE, KeyState.NEXT]
        )
    }
    following = keys.get(KeyState.NEXT)
    if following is None or following.created_at > now - PUBLISHED_AHEAD:
        raise KeyTooYoungError
    if (active := keys.get(KeyState.ACTIVE)) is not None:
        active.state, active.retired_at = KeyState.RETIRED, now
        active.save(update_fields=["state", "retired_at"])
        _audit(actor, KeyAction.RETIRED, active)
    following.state, following.activated_at = KeyState.ACTIVE, now
    following.save(update_fields=["state", "activated_at"])
    _audit(actor, KeyAction.ACTIVATED, following)
    return following


@transaction.atomic
def record_key(
    *,
    actor: Actor,
    request: KeyRequest,
    public_key: bytes,
) -> SigningKey:
    """Record a key of the current tenant; recording it again changes nothing."""
    known = SigningKey.objects.filter(
        purpose=request.purpose, algorithm=request.algorithm, state=request.state
    ).first()
    if known is not None:
        return known
    key, created = SigningKey.objects.get_or_create(
        reference=request.reference,
        defaults={
            "tenant_id": require_tenant_id(),
            "purpose": request.purpose,
            "algorithm": request.algorithm,
            "public_key": public_key,
            "state": request.state,
        },
    )
    if created:
        _audit(actor, KeyAction.CREATED, key)
    return key


def _audit(actor: Actor, action: KeyAction, key: SigningKey) -> None:
    audit.append(
        actor=actor,
        action=action,
        target_type="signing_key",
        target_id=str(key.pk),
        after={
            "purpose": str(key.purpose),
            "algorithm": str(key.algorithm),
            "public_key_sha256": hashlib.sha256(bytes(key.public_key)).hexdigest(),
        },
    )
