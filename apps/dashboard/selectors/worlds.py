"""What was in force at a moment, ready to be asked.

A past moment is answered from the immutable bytes of the release that was in force, by
the engine that nodes run. A process keeps a few of them.
"""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from apps.bundles import selectors as bundles
from apps.bundles.models import Release
from engine.decide import PolicyEngine
from engine.explain import Explainer
from engine.search import Searcher
from protocol.records import (
    AssignmentRecord,
    EntityRef,
    PrincipalRecord,
    Record,
    ResourceRecord,
    WindowRecord,
)
from protocol.zones import Transitions, zone_transitions

_MOST_KEPT = 8


@dataclass(frozen=True)
class World:
    """Everything that counted at one moment. A draft has no revision."""

    records: tuple[Record, ...]
    zones: Transitions
    revision: int | None
    signed_at: dt.datetime | None

    @cached_property
    def engine(self) -> PolicyEngine:
        """Return what decides."""
        return PolicyEngine.from_records(self.records, self.zones)

    @cached_property
    def explainer(self) -> Explainer:
        """Return what explains."""
        return Explainer(self.engine, self.records)

    @cached_property
    def searcher(self) -> Searcher:
        """Return what searches."""
        return Searcher(self.engine)

    @cached_property
    def assignments(self) -> Mapping[str, AssignmentRecord]:
        """Return the assignments by id."""
        return {
            record.id: record
            for record in self.records
            if isinstance(record, AssignmentRecord)
        }

    @cached_property
    def principals(self) -> tuple[EntityRef, ...]:
        """Return everybody who is registered, by type and key."""
        return _sorted(r.entity for r in self.records if isinstance(r, PrincipalRecord))

    @cached_property
    def resources(self) -> tuple[EntityRef, ...]:
        """Return everything that is registered, by type and key."""
        return _sorted(r.entity for r in self.records if isinstance(r, ResourceRecord))

    @cached_property
    def actions(self) -> tuple[str, ...]:
        """Return all actions, by name."""
        return tuple(sorted(self.engine.actions))


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


def draft_world(now: dt.datetime) -> World:
    """Return what is live in the portal now, released or not."""
    records = tuple(bundles.live_records())
    zones = {record.zone for record in records if isinstance(record, WindowRecord)}
    epoch = int(now.timestamp())
    transitions = {zone: zone_transitions(zone, epoch) for zone in sorted(zones)}
    return World(records, transitions, None, None)


def _read(release: Release) -> World:
    snapshot = bundles.snapshot_of(release)
    return World(
        snapshot.records, snapshot.manifest.zones, release.revision, release.signed_at
    )


def _sorted(entities: Iterable[EntityRef]) -> tuple[EntityRef, ...]:
    return tuple(sorted(entities))
