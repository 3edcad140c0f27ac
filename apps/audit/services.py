"""Append to the trail. There is no service that changes or removes an entry."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.audit.events import ACTION, Actor
from apps.audit.models import AuditEntry, AuditHead
from apps.audit.rules import GENESIS, entry_hash
from apps.tenants.services import require_tenant_id


@transaction.atomic
def append(  # an entry has this many parts
    *,
    actor: Actor,
    action: str,
    target_type: str,
    target_id: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Record that something happened, in the transaction that makes it happen.

    Values must be JSON without floating point numbers. Raises TypeError or ValueError
    for entries that could not be understood later; those are bugs of ours.
    """
    if not isinstance(actor, Actor):
        raise TypeError("an actor is required")
    if not ACTION.fullmatch(action):
        raise ValueError(f"{action!r} is not of the form subject.verb")
    tenant_id = require_tenant_id()
    AuditHead.objects.bulk_create(
        [AuditHead(tenant_id=tenant_id, hash=GENESIS)], ignore_conflicts=True
    )
    head = AuditHead.objects.select_for_update().get(tenant_id=tenant_id)
    entry = AuditEntry(
        tenant_id=tenant_id,
        sequence=head.sequence + 1,
        at=timezone.now().astimezone(dt.UTC),
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        actor_credential=actor.credential,
        action=str(action),
        target_type=target_type,
        target_id=str(target_id),
        before=None if before is None else dict(before),
        after=None if after is None else dict(after),
        context=dict(context or {}),
        previous_hash=head.hash,
    )
    entry.hash = entry_hash(head.hash, entry.sequence, entry.content())
    entry.save(force_insert=True)
    head.sequence, head.hash = entry.sequence, entry.hash
    head.save(update_fields=["sequence", "hash"])
    return entry
