"""What other enforcement points get of a release."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterable

from apps.bundles import selectors as bundles
from apps.bundles.errors import ReleaseNotFoundError
from apps.bundles.models import Release
from apps.dashboard.rules import Export, Origin, Target, export
from apps.policies.models import Policy
from apps.tenants.selectors import tenant_by_id

_MOST_KEPT = 12
_kept: OrderedDict[tuple[uuid.UUID, Target], Export] = OrderedDict()
_lock = threading.Lock()


def exportable(revision: int | None = None) -> Release | None:
    """Return a signed release, the newest without a number; None before the first.

    Raises ReleaseNotFoundError for a number that no signed release has.
    """
    if revision is None:
        return bundles.newest_signed()
    found = bundles.releases().filter(signed_at__isnull=False, revision=revision)
    release = found.first()
    if release is None:
        raise ReleaseNotFoundError
    return release


def recent_revisions() -> list[int]:
    """Return the numbers of the newest signed releases."""
    signed = bundles.releases().filter(signed_at__isnull=False)
    return list(signed.values_list("revision", flat=True)[:50])


def export_of(release: Release, target: Target) -> Export:
    """Return what a target gets of a release. A process keeps a few, as they are."""
    key = (release.pk, target)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    snapshot = bundles.snapshot_of(release)
    origin = Origin(
        tenant_by_id(release.tenant_id).slug, release.revision, release.state_digest
    )
    found = export(target, origin, snapshot.records, snapshot.manifest.zones)
    with _lock:
        _kept[key] = found
        while len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
    return found


def policies_named(slugs: Iterable[str]) -> dict[str, uuid.UUID]:
    """Return the policies that have these short names."""
    found = Policy.objects.filter(slug__in=set(slugs))
    return dict(found.values_list("slug", "pk"))
