"""Make the keys of a tenant: the store first, the record after, no lock in between."""

from __future__ import annotations

import uuid

from apps.audit.events import Actor
from apps.keys import services
from apps.keys.adapters import get_key_store
from apps.keys.choices import TENANT_KEYS
from apps.keys.models import SigningKey
from apps.tenants.services import tenant_scope


def ensure_tenant_keys(*, actor: Actor, tenant_id: uuid.UUID) -> None:
    """Make and record every key that a tenant needs and lacks. Safe to repeat."""
    with tenant_scope(tenant_id):
        if SigningKey.objects.count() >= len(TENANT_KEYS):
            return
    store = get_key_store()
    made = []
    for purpose, algorithm in TENANT_KEYS:
        reference = services.key_reference(tenant_id, purpose, algorithm)
        public_key = store.generate(reference, algorithm)
        made.append((purpose, algorithm, reference, public_key))
    with tenant_scope(tenant_id):
        for purpose, algorithm, reference, public_key in made:
            services.record_key(
                actor=actor,
                purpose=purpose,
                algorithm=algorithm,
                reference=reference,
                public_key=public_key,
            )
