"""Make the keys of a tenant: the store first, the record after, no lock in between."""

from __future__ import annotations

import uuid

from django.utils import timezone

from apps.audit.events import Actor
from apps.keys import services
from apps.keys.adapters import get_key_store
from apps.tenants.services import tenant_scope


def ensure_tenant_keys(*, actor: Actor, tenant_id: uuid.UUID) -> None:
    """Make and record every key that a tenant needs and lacks.

    Safe to repeat and to run twice at once: the first key file at a place stays, and
    the first record of it counts.
    """
    with tenant_scope(tenant_id):
        missing = services.missing_keys()
    _make(actor, tenant_id, missing)


def ensure_token_keys(*, actor: Actor, tenant_id: uuid.UUID) -> None:
    """Make and record the keys that sign a tenant's access tokens, now and next."""
    with tenant_scope(tenant_id):
        missing = services.missing_token_keys()
    _make(actor, tenant_id, missing)


def rotate_token_keys(*, actor: Actor, tenant_id: uuid.UUID) -> None:
    """Let the next key sign and publish another; nobody's token stops working.

    Raises KeyTooYoungError when the next key was published less than an hour ago.
    """
    ensure_token_keys(actor=actor, tenant_id=tenant_id)
    with tenant_scope(tenant_id):
        services.rotate_token_keys(actor=actor, now=timezone.now())
    ensure_token_keys(actor=actor, tenant_id=tenant_id)


def _make(
    actor: Actor, tenant_id: uuid.UUID, missing: list[services.KeyRequest]
) -> None:
    if not missing:
        return
    store = get_key_store()
    made = [
        (request, store.generate(request.reference, request.algorithm))
        for request in missing
    ]
    with tenant_scope(tenant_id):
        for request, public_key in made:
            services.record_key(actor=actor, request=request, public_key=public_key)
