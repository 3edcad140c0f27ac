"""What follows from outbox messages: a release of the state that is live now.

Every topic asks the same question, so a message says only *that* something changed.
Handling one twice, or two at once, or none of them in order ends in the same place.
"""

from __future__ import annotations

import uuid

from django.utils import timezone

from apps.audit.events import Actor
from apps.bundles import adapters, selectors, services
from apps.bundles.errors import (
    ReleaseContentionError,
    ReleaseSupersededError,
    TimestampOutdatedError,
)
from apps.bundles.events import Topic
from apps.keys.tasks import ensure_tenant_keys
from apps.outbox.choices import Lane
from apps.outbox.services import MessageEnvelope, register
from apps.tenants.services import tenant_scope

ACTOR = Actor.system("bundles")
ATTEMPTS = 5
TOPICS = (
    "policies.version_frozen",
    "policies.state_changed",
    "roles.changed",
    "scopes.changed",
    Topic.RELEASE_REQUESTED,
)


def register_handlers() -> None:
    """Subscribe to everything that changes what is live."""
    for topic in TOPICS:
        register(str(topic), publish)


def publish(message: MessageEnvelope) -> None:
    """Build a release if one is due, have it signed, and store the signatures.

    Prepare, sign, record: the key store is called while no transaction is open.
    """
    release_id = build(message.tenant_id, cause=cause_of(message))
    if release_id is not None:
        sign(message.tenant_id, release_id, lane=message.lane)


def cause_of(message: MessageEnvelope) -> dict[str, str]:
    """Return what a release says of the act that it is due to."""
    said = message.payload.get("cause")
    known = said if isinstance(said, dict) else {}
    named = {name: str(known[name]) for name in ("act", "target") if name in known}
    lane = message.lane.label.lower()
    return {"topic": message.topic, "lane": lane, "message": str(message.id), **named}


def build(
    tenant_id: uuid.UUID, *, cause: dict[str, str] | None = None
) -> uuid.UUID | None:
    """Return the release that waits for signatures, or None when nothing is due.

    Gather, compile, store: only storing holds locks, as compiling may take seconds.
    """
    for _attempt in range(ATTEMPTS):
        live, now = selectors.live_state(tenant_id), timezone.now()
        draft = selectors.draft_of(tenant_id, live, now=now)
        try:
            with tenant_scope(tenant_id):
                release = services.build_release(
                    actor=ACTOR, live=live, draft=draft, now=now, cause=cause
                )
        except ReleaseContentionError:
            continue
        return release.pk if release else None
    raise ReleaseContentionError


def sign(
    tenant_id: uuid.UUID, release_id: uuid.UUID, *, lane: Lane = Lane.DEFAULT
) -> None:
    """Sign a release; begin again when a fresher timestamp got in between."""
    ensure_tenant_keys(actor=ACTOR, tenant_id=tenant_id)
    for _attempt in range(ATTEMPTS):
        try:
            sign_once(tenant_id, release_id, lane=lane)
        except TimestampOutdatedError:
            continue
        except ReleaseSupersededError:
            return
        return
    raise TimestampOutdatedError


def sign_once(
    tenant_id: uuid.UUID, release_id: uuid.UUID, *, lane: Lane = Lane.DEFAULT
) -> None:
    """Prepare, sign and record once."""
    with tenant_scope(tenant_id):
        work = selectors.signing_work(release_id)
    now = timezone.now()
    root = work.root or adapters.sign_root(work.keys, now=now)
    if work.root is None:
        with tenant_scope(tenant_id):
            stored = services.store_root(actor=ACTOR, version=1, metadata=root)
            root = bytes(stored.metadata)
    signed = adapters.sign_release(work, root=root, now=now)
    timestamp = adapters.sign_timestamp(
        snapshot_metadata=signed.snapshot_metadata,
        revision=work.claim.revision,
        version=work.timestamp_version + 1,
        keys=work.keys,
        now=now,
    )
    with tenant_scope(tenant_id):
        services.store_signature(
            actor=ACTOR,
            release_id=release_id,
            signed=signed,
            timestamp=timestamp,
            lane=lane,
        )
