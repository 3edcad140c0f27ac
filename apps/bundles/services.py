"""Build releases and store what was signed for them. Signing itself happens outside."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import connection, transaction

from apps.audit.events import Actor
from apps.audit.services import append
from apps.bundles import rules, selectors
from apps.bundles.choices import ReleaseState
from apps.bundles.errors import (
    ReleaseContentionError,
    ReleaseNotFoundError,
    ReleaseSupersededError,
    TimestampOutdatedError,
)
from apps.bundles.events import RELEASE_CHANNEL, AuditAction, Topic
from apps.bundles.models import (
    BundleSignature,
    Release,
    ReleaseDelta,
    RootMetadata,
    TimestampMetadata,
)
from apps.outbox.choices import Lane
from apps.outbox.services import enqueue
from apps.tenants.models import Tenant
from apps.tenants.services import require_tenant_id
from protocol.delta import Base

TARGET = "release"


def request_release(*, actor: Actor, lane: Lane = Lane.DEFAULT) -> None:
    """Ask for a release of the live state; none is made when nothing changed."""
    if not actor.id:
        raise TypeError("an actor is required")
    enqueue(
        topic=Topic.RELEASE_REQUESTED,
        payload={},
        coalesce_key=Topic.RELEASE_REQUESTED,
        lane=lane,
    )


@transaction.atomic
def build_release(
    *,
    actor: Actor,
    live: selectors.LiveState,
    draft: rules.Draft | None,
    now: datetime,
    cause: Mapping[str, str] | None = None,
) -> Release | None:
    """Return the release that waits for signatures, or None when nothing is due.

    The advisory lock lets one worker of a tenant through at a time, for as long as it
    takes to store what was compiled before. One that gathered before another stored or
    signed a release gathers again: its state may be the older one. That ends, because
    the second that gets ahead of it gathered later, and so stores its change as well.
    """
    _lock_releases()
    unsigned = _lock_unsigned()
    standing = selectors.standing()
    if standing != live.standing:
        raise ReleaseContentionError
    digest = live.state.tree.digest()
    match rules.due(standing.summary, digest):
        case rules.Due.NOTHING:
            return None
        case rules.Due.SIGN:
            return standing.newest
        case rules.Due.BUILD:
            if draft is None or not draft.is_next(
                standing.summary, _named(standing.base), digest
            ):
                raise ReleaseContentionError
            _give_up(actor, unsigned, draft.manifest.revision)
            return _store(actor, draft, standing.base, now, cause)


@transaction.atomic
def store_root(*, actor: Actor, version: int, metadata: bytes) -> RootMetadata:
    """Store a trust root, or return the one that another worker stored first."""
    root, is_new = RootMetadata.objects.get_or_create(
        tenant_id=require_tenant_id(), version=version, defaults={"metadata": metadata}
    )
    if is_new:
        append(
            actor=actor,
            action=AuditAction.ROOT_CREATED,
            target_type="trust_root",
            target_id=str(root.pk),
            after={"version": version},
        )
    return root


@transaction.atomic
def store_signature(
    *,
    actor: Actor,
    release_id: uuid.UUID,
    signed: rules.SignedRelease,
    timestamp: rules.SignedTimestamp,
    lane: Lane = Lane.DEFAULT,
) -> Release:
    """Store verified signatures and let the release leave the portal.

    The edges are woken at the commit; the message repeats it until it is delivered.
    """
    release = _lock(release_id)
    if release.state == ReleaseState.SIGNED:
        return release
    if release.state == ReleaseState.FAILED:
        raise ReleaseSupersededError
    release.snapshot = signed.snapshot
    release.size = len(signed.snapshot)
    release.state = ReleaseState.SIGNED
    release.signed_at = timestamp.signed_at
    release.save(update_fields=["snapshot", "size", "state", "signed_at"])
    BundleSignature.objects.create(
        tenant_id=release.tenant_id,
        release=release,
        root=RootMetadata.objects.latest("version"),
        targets=signed.targets_metadata,
        snapshot=signed.snapshot_metadata,
        key_ids=list(signed.key_ids),
        created_at=timestamp.signed_at,
    )
    _replace_timestamp(release, timestamp)
    append(
        actor=actor,
        action=AuditAction.RELEASE_SIGNED,
        target_type=TARGET,
        target_id=str(release.pk),
        after={"revision": release.revision, "key_ids": list(signed.key_ids)},
    )
    # Deltas lead to the newest release only.
    ReleaseDelta.objects.exclude(release=release).delete()
    enqueue(
        topic=Topic.RELEASE_SIGNED,
        payload={"revision": release.revision},
        ordering_key=Topic.RELEASE_SIGNED,
        lane=lane,
    )
    _wake_edges(release)
    return release


@transaction.atomic
def store_timestamp(*, release_id: uuid.UUID, timestamp: rules.SignedTimestamp) -> None:
    """Replace the timestamp of the release that is still the newest."""
    newest = selectors.newest_signed()
    if newest is None or newest.pk != release_id:
        raise TimestampOutdatedError
    _replace_timestamp(newest, timestamp)


def _named(release: Release | None) -> Base | None:
    return Base(release.revision, release.state_digest) if release else None


def _store(
    actor: Actor,
    draft: rules.Draft,
    base: Release | None,
    now: datetime,
    cause: Mapping[str, str] | None,
) -> Release:
    manifest = draft.manifest
    release = Release.objects.create(
        tenant_id=require_tenant_id(),
        revision=manifest.revision,
        previous=base,
        state_digest=manifest.state_digest,
        manifest=manifest.to_dict(),
        certificates=list(draft.content.certificates.values()),
        cause=dict(cause or {}),
        snapshot=draft.snapshot,
        size=len(draft.snapshot),
        created_at=now,
    )
    _store_deltas(release, draft.deltas)
    selectors.remember_content(release.pk, draft.content)
    append(
        actor=actor,
        action=AuditAction.RELEASE_BUILT,
        target_type=TARGET,
        target_id=str(release.pk),
        after={
            "revision": release.revision,
            "state_digest": release.state_digest,
            "counts": dict(manifest.counts),
            **({"cause": release.cause} if release.cause else {}),
        },
    )
    return release


def _store_deltas(release: Release, deltas: Sequence[tuple[Base, bytes]]) -> None:
    """Keep what leads to a release from each of the last signed ones."""
    revisions = [base.revision for base, _ in deltas]
    found = Release.objects.filter(revision__in=revisions)
    ids = dict(found.values_list("revision", "pk"))
    ReleaseDelta.objects.bulk_create(
        ReleaseDelta(
            tenant_id=release.tenant_id,
            release=release,
            base_id=ids[base.revision],
            content=blob,
        )
        for base, blob in deltas
    )


def _wake_edges(release: Release) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_notify(%s, %s)",
            [RELEASE_CHANNEL, f"{release.tenant_id}:{release.revision}"],
        )


def _lock_unsigned() -> list[Release]:
    """Lock what waits for signatures, so that it stays what it is until the commit."""
    rows = selectors.releases().filter(state=ReleaseState.BUILDING)
    return list(rows.select_for_update())


def _give_up(actor: Actor, unsigned: Iterable[Release], revision: int) -> None:
    """Fail releases whose state is gone: signing them would publish the past."""
    for release in unsigned:
        release.state = ReleaseState.FAILED
        release.failure = f"Release {revision} took its place before it was signed."
        release.save(update_fields=["state", "failure"])
        append(
            actor=actor,
            action=AuditAction.RELEASE_FAILED,
            target_type=TARGET,
            target_id=str(release.pk),
            after={"revision": release.revision, "failure": release.failure},
        )


def _lock_releases() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"bundles.release:{require_tenant_id()}"],
        )


def _lock(release_id: uuid.UUID) -> Release:
    try:
        return Release.objects.select_for_update().get(pk=release_id)
    except Release.DoesNotExist as error:
        raise ReleaseNotFoundError from error


def _replace_timestamp(release: Release, timestamp: rules.SignedTimestamp) -> None:
    """Store a timestamp if its number is the next one.

    The tenant row is locked because the first timestamp has no row of its own yet.
    """
    Tenant.objects.select_for_update(no_key=True).get(pk=release.tenant_id)
    row = TimestampMetadata.objects.select_for_update().first()
    if timestamp.version != (row.version if row else 0) + 1:
        raise TimestampOutdatedError
    TimestampMetadata.objects.update_or_create(
        tenant_id=release.tenant_id,
        defaults={
            "release": release,
            "version": timestamp.version,
            "metadata": timestamp.metadata,
            "signed_at": timestamp.signed_at,
            "expires_at": timestamp.expires_at,
        },
    )
