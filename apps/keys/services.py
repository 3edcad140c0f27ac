"""Record keys that a store has made."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.db import transaction

from apps.audit import services as audit
from apps.audit.events import Actor
from apps.keys.choices import TENANT_KEYS, Algorithm, KeyState, Purpose
from apps.keys.events import KeyAction
from apps.keys.models import SigningKey
from apps.tenants.services import require_tenant_id


@dataclass(frozen=True)
class KeyRequest:
    """A key that a tenant lacks, and where the store shall keep it."""

    purpose: Purpose
    algorithm: Algorithm
    reference: str


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


@transaction.atomic
def record_key(
    *,
    actor: Actor,
    request: KeyRequest,
    public_key: bytes,
) -> SigningKey:
    """Record a key of the current tenant; recording it again changes nothing."""
    known = SigningKey.objects.filter(
        purpose=request.purpose, algorithm=request.algorithm, state=KeyState.ACTIVE
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
        },
    )
    if created:
        audit.append(
            actor=actor,
            action=KeyAction.CREATED,
            target_type="signing_key",
            target_id=str(key.pk),
            after={
                "purpose": request.purpose.value,
                "algorithm": request.algorithm.value,
                "public_key_sha256": hashlib.sha256(public_key).hexdigest(),
            },
        )
    return key
