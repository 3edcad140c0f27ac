"""Build releases and store what was signed for them. Signing itself happens outside."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
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
from engine.exports.opa import opa_content
from protocol.bundle import (
    Manifest,
    Predecessor,
    build_manifest,
    build_snapshot,
    certificate_digest,
)
from protocol.delta import Content

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
    now: datetime,
    cause: Mapping[str, str] | None = None,
) -> Release | None:
    """Return the release that waits for signatures, or None when nothing is due.

    The advisory lock lets one worker of a tenant through at a time. One that gathered
    before another stored a release gathers again: its state may be the older one.
    """
    _lock_releases()
    newest = selectors.newest_release()
    if (newest.pk if newest else None) != live.newest_id:
        raise ReleaseContentionError
    match rules.due(_as_newest(newest), live.state.tree.digest()):
        case rules.Due.NOTHING:
            return None
        case rules.Due.SIGN:
            return newest
        case rules.Due.BUILD:
            return _build(actor=actor, now=now, live=live, newest=newest, cause=cause)


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


def _as_newest(release: Release | None) -> rules.Newest | None:
    if release is None:
        return None
    return rules.Newest(
        revision=release.revision,
        state_digest=release.state_digest,
        is_signed=release.state == ReleaseState.SIGNED,
    )


def _build(
    *,
    actor: Actor,
    now: datetime,
    live: selectors.LiveState,
    newest: Release | None,
    cause: Mapping[str, str] | None,
) -> Release:
    signed = selectors.newest_base()
    revision = 1 if newest is None else newest.revision + 1
    manifest = build_manifest(
        tenant=str(require_tenant_id()),
        revision=revision,
        previous=_predecessor(signed),
        created=rules.rfc3339(now),
        created_epoch=int(now.timestamp()),
        records=live.records,
        certificates=live.certificates,
        tree=live.state.tree,
    )
    snapshot = build_snapshot(
        manifest,
        live.records,
        live.certificates,
        lines=live.state.lines,
        content=opa_content(live.records, manifest.zones),
    )
    _give_up_unsigned(actor, revision)
    release = Release.objects.create(
        tenant_id=require_tenant_id(),
        revision=revision,
        previous=signed,
        state_digest=manifest.state_digest,
        manifest=manifest.to_dict(),
        certificates=live.certificates,
        cause=dict(cause or {}),
        snapshot=snapshot,
        size=len(snapshot),
        created_at=now,
    )
    _build_deltas(release, Manifest.from_dict(manifest.to_dict()), live, signed)
    append(
        actor=actor,
        action=AuditAction.RELEASE_BUILT,
        target_type=TARGET,
        target_id=str(release.pk),
        after={
            "revision": revision,
            "state_digest": release.state_digest,
            "counts": dict(manifest.counts),
            **({"cause": release.cause} if release.cause else {}),
        },
    )
    return release


def _build_deltas(
    release: Release,
    manifest: Manifest,
    live: selectors.LiveState,
    signed: Release | None,
) -> None:
    """Keep what leads to a release from each of the last signed ones."""
    named = {certificate_digest(c): c for c in live.certificates}
    newer = Content(manifest, live.state, named)
    selectors.remember_content(release.pk, newer)
    if signed is None:
        return
    rows = signed.deltas.select_related("base").order_by("-base__revision")
    older = [
        (Manifest.from_dict(row.base.manifest), bytes(row.content))
        for row in rows.defer("base__snapshot", "base__certificates")
    ]
    bases = {row.base.revision: row.base for row in rows} | {signed.revision: signed}
    ReleaseDelta.objects.bulk_create(
        ReleaseDelta(
            tenant_id=release.tenant_id,
            release=release,
            base=bases[base.revision],
            content=blob,
        )
        for base, blob in rules.next_deltas(selectors.content_of(signed), newer, older)
    )


def _wake_edges(release: Release) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_notify(%s, %s)",
            [RELEASE_CHANNEL, f"{release.tenant_id}:{release.revision}"],
        )


def _predecessor(release: Release | None) -> Predecessor | None:
    if release is None:
        return None
    return Predecessor(release.revision, release.state_digest)


def _give_up_unsigned(actor: Actor, revision: int) -> None:
    """Fail releases whose state is gone: signing them would publish the past."""
    for release in Release.objects.select_for_update().filter(
        state=ReleaseState.BUILDING
    ):
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
