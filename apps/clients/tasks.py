"""Periodic work: rotate the keys of access tokens, forget what expired."""

from __future__ import annotations

import datetime as dt
import logging
import uuid

from celery import shared_task
from django.utils import timezone

from apps.audit.events import Actor
from apps.clients import services
from apps.keys.choices import KeyState
from apps.keys.errors import KeyTooYoungError
from apps.keys.selectors import token_key
from apps.keys.tasks import rotate_token_keys
from apps.tenants.selectors import tenants
from apps.tenants.services import tenant_scope

logger = logging.getLogger(__name__)
ACTOR = Actor.system("clients")
KEY_LIFETIME = dt.timedelta(days=30)


@shared_task(name="clients.rotate_token_keys")
def rotate_due_keys() -> None:
    """Rotate the keys that have signed for a month; one failure stops no other."""
    now = timezone.now()
    for tenant_id in list(tenants().values_list("pk", flat=True)):
        try:
            if _is_due(tenant_id, now):
                rotate_token_keys(actor=ACTOR, tenant_id=tenant_id)
        except KeyTooYoungError:
            # It was made a moment ago; the next run finds it old enough.
            continue
        except Exception:
            logger.exception("token keys of tenant %s were not rotated", tenant_id)


@shared_task(name="clients.forget_expired")
def forget_expired() -> None:
    """Forget used assertions and revocations that are too old to matter."""
    for tenant_id in list(tenants().values_list("pk", flat=True)):
        with tenant_scope(tenant_id):
            services.forget_expired(now=timezone.now())


def _is_due(tenant_id: uuid.UUID, now: dt.datetime) -> bool:
    with tenant_scope(tenant_id):
        key = token_key(KeyState.ACTIVE)
    if key is None:
        # No client was ever given a token here.
        return False
    return now - (key.activated_at or key.created_at) >= KEY_LIFETIME
