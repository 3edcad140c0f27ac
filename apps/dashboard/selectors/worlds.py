"""What was in force at a moment, ready to be asked.

A past moment is answered from the immutable bytes of the release that was in force, by
the engine that nodes run. A process keeps a few of them.
"""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections import OrderedDict

from apps.bundles import selectors as bundles
from apps.bundles.models import Release
from apps.simulation.selectors import World

_MOST_KEPT = 8

_kept: OrderedDict[uuid.UUID, World] = OrderedDict()
_lock = threading.Lock()


def world_at(moment: dt.datetime) -> World | None:
    """Return what the newest release up to a moment holds; None before the first.

    For a moment to come that is the newest release there is.
    """
    release = bundles.release_at(moment)
    if release is None:
        return None
    with _lock:
        known = _kept.get(release.pk)
        if known is not None:
            _kept.move_to_end(release.pk)
            return known
    world = _read(release)
    with _lock:
        _kept[release.pk] = world
        while len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
    return world


def _read(release: Release) -> World:
    snapshot = bundles.snapshot_of(release)
    return World(
        snapshot.records, snapshot.manifest.zones, release.revision, release.signed_at
    )
