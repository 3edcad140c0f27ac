"""Everything that counts at one moment, ready to be asked.

A world is decided in by the engine that nodes run, whether its records are in force or
only proposed. What is live is read again only after something was recorded in the audit
trail, and at least once a minute; until then all who ask share one engine.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.conf import settings

from apps.audit.selectors import WhileUnchanged
from apps.elevations import selectors as elevations
from apps.policies import selectors as policies
from apps.roles import selectors as roles
from apps.scopes import selectors as scopes
from apps.signin.events import COMING_AND_GOING
from apps.simulation.events import SimulationAction
from apps.simulation.rules import RecordChange, changed, input_digest
from engine.decide import PolicyEngine
from engine.explain import Explainer
from engine.search import Searcher
from protocol.records import (
    AssignmentRecord,
    EntityRef,
    PrincipalRecord,
    Record,
    RecordType,
    ResourceRecord,
    WindowRecord,
)
from protocol.zones import Transitions, zone_transitions

_BESIDE_ENTITIES = {
    RecordType.POLICY,
    RecordType.TEST,
    RecordType.WINDOW,
    RecordType.LOCATION,
}


@dataclass(frozen=True)
class World:
    """Everything that counted at one moment. What is no release has no revision."""

    records: tuple[Record, ...]
    zones: Transitions
    revision: int | None = None
    signed_at: dt.datetime | None = None

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

    def after(self, changes: Sequence[RecordChange], now: dt.datetime) -> World:
        """Return the world after changes, with all of the engine that they leave."""
        if not changes:
            return self
        found = world_of(changed(self.records, changes), now)
        if {change.key[0] for change in changes} <= _BESIDE_ENTITIES:
            engine = self.engine.ruled_by(found.records, found.zones)
            # Where a cached property keeps what it has found.
            vars(found)["engine"] = engine
        return found


_BESIDE = {*COMING_AND_GOING, *SimulationAction}
_kept: WhileUnchanged[World] = WhileUnchanged(seconds=60, beside=_BESIDE)
_changed: WhileUnchanged[World] = WhileUnchanged(seconds=60, beside=_BESIDE)


def live_records() -> list[Record]:
    """Return everything that is live in this tenant, in the order of its keys."""
    records = [
        *policies.live_records(),
        *roles.live_records(),
        *scopes.live_records(),
        # A node that does not know requests for access refuses records about them.
        *(
            elevations.live_records()
            if settings.PORTWARD_AUTHZEN_ACCESS_REQUEST
            else ()
        ),
    ]
    return sorted(records, key=lambda record: record.key)


def live_world(now: dt.datetime) -> World:
    """Return what is live in the portal now, released or not.

    Zones are known from the beginning of the hour of `now` on.
    """
    hour = _hour_of(now)
    return _kept.get(hour, lambda: world_of(live_records(), hour))


def world_after(changes: Sequence[RecordChange], now: dt.datetime) -> World:
    """Return the world as it would be after changes, kept like that which is live."""
    if not changes:
        return live_world(now)
    name = (_hour_of(now), input_digest(changes, ()))
    return _changed.get(name, lambda: live_world(now).after(changes, name[0]))


def _hour_of(now: dt.datetime) -> dt.datetime:
    return now.replace(minute=0, second=0, microsecond=0)


def world_of(records: Iterable[Record], now: dt.datetime) -> World:
    """Return the world that these records make up."""
    found = tuple(records)
    zones = {record.zone for record in found if isinstance(record, WindowRecord)}
    epoch = int(now.timestamp())
    transitions = {zone: zone_transitions(zone, epoch) for zone in sorted(zones)}
    return World(found, transitions)


def _sorted(entities: Iterable[EntityRef]) -> tuple[EntityRef, ...]:
    return tuple(sorted(entities))
