"""Record keys that a store has made."""

from __future__ import annotations

import hashlib

from django.db import transaction

from apps.audit import services as audit
from apps.audit.events import Actor
from apps.keys.choices import Algorithm, KeyState, Purpose
from apps.keys.events import KeyAction
from apps.keys.models import SigningKey
from apps.tenants.services import require_tenant_id


def key_reference(tenant_id: object, purpose: Purpose, algorithm: Algorithm) -> str:
    """Return where a tenant's first key for a purpose lies in the store."""
    return f"{tenant_id}/{purpose.value}-{algorithm.value}-1"


@transaction.atomic
def record_key(
    *,
    actor: Actor,
    purpose: Purpose,
    algorithm: Algorithm,
    reference: str,
    public_key: bytes,
) -> SigningKey:
    """Record a key of the current tenant; recording it again changes nothing."""
    known = SigningKey.objects.filter(
        purpose=purpose, algorithm=algorithm, state=KeyState.ACTIVE
    ).first()
    if known is not None:
        return known
    key, created = SigningKey.objects.get_or_create(
        reference=reference,
        defaults={
            "tenant_id": require_tenant_id(),
            "purpose": purpose,
            "algorithm": algorithm,
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
                "purpose": purpose.value,
                "algorithm": algorithm.value,
                "public_key_sha256": hashlib.sha256(public_key).hexdigest(),
            },
        )
    return key
