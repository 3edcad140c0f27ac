"""What people see about their own elevations, and about what they may ask for."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from apps.elevations import rules
from apps.elevations import selectors as elevations
from apps.elevations.choices import OPEN_STATES, TONES, ElevationState
from apps.elevations.models import Elevation, Eligibility
from apps.roles import selectors as roles
from apps.roles.choices import Tier
from apps.roles.models import RESOURCE_GROUP, Assignment, Principal, Resource
from apps.roles.rules import effective_permissions

_SHOWN_HISTORY = 20


@dataclass(frozen=True)
class Standing:
    """An elevation with what is true of it at an instant.

    `sibling` is another one of the same kind that is still to be decided or activated,
    or that continues this one; as long as there is one, no second need be asked for.
    """

    row: Elevation
    state: ElevationState
    sibling: Elevation | None = None

    @property
    def tone(self) -> str:
        """Return how its state is colored."""
        return TONES[self.state]

    @property
    def deadline(self) -> dt.datetime | None:
        """Return when the state ends by itself."""
        return rules.deadline(self.row.clocks)

    @property
    def warns_at(self) -> dt.datetime | None:
        """Return when its holder is warned; only what is active warns."""
        starts, ends = self.row.starts_at, self.row.ends_at
        if self.state is not ElevationState.ACTIVE or not starts or not ends:
            return None
        return rules.warns_at(starts, ends)

    @property
    def version(self) -> str:
        """Return a text that changes whenever a page about it has to."""
        other = f"+{self.sibling.pk}.{self.sibling.state}" if self.sibling else ""
        return f"{self.row.pk}.{self.state}.{self.row.ends_at}{other}"


@dataclass(frozen=True)
class Gain:
    """A permission that a role brings; `is_held` if the person has it already."""

    action: str
    resource_type: str
    tier: str
    is_held: bool


def standing_of(row: Elevation, now: dt.datetime) -> Standing:
    """Return what is true of an elevation now."""
    waiting = _waiting(row.requester_id, now)
    return _standing(row, waiting, now)


def running(user_id: uuid.UUID, now: dt.datetime) -> list[Standing]:
    """Return what a person holds now or may activate, the soonest to end first."""
    return [
        one
        for one in open_ones(user_id, now)
        if one.state in {ElevationState.APPROVED, ElevationState.ACTIVE}
    ]


def open_ones(user_id: uuid.UUID, now: dt.datetime) -> list[Standing]:
    """Return a person's elevations that are not over, the soonest to end first."""
    rows = list(elevations.elevations_of(user_id).filter(state__in=OPEN_STATES))
    waiting = [row for row in rows if _is_open(row, now)]
    found = [_standing(row, waiting, now) for row in rows]
    return sorted(
        (one for one in found if one.state in OPEN_STATES),
        key=lambda one: (one.deadline or now, str(one.row.pk)),
    )


def past_ones(user_id: uuid.UUID, now: dt.datetime) -> list[Standing]:
    """Return a person's last elevations that are over, the newest first."""
    rows = elevations.elevations_of(user_id)[: _SHOWN_HISTORY + len(OPEN_STATES)]
    found = [_standing(row, [], now) for row in rows]
    return [one for one in found if one.state not in OPEN_STATES][:_SHOWN_HISTORY]


def catalogue(
    principal: Principal | None, now: dt.datetime, text: str = ""
) -> list[Eligibility]:
    """Return what a principal may ask for; with a text, what each word is found in."""
    if principal is None:
        return []
    words = text.casefold().split()
    return [
        row
        for row in elevations.eligibilities_of(principal, now)
        if all(word in _text_of(row) for word in words)
    ]


def held_by(principal: Principal | None, now: dt.datetime) -> list[Assignment]:
    """Return the roles that a principal holds now for longer than an elevation."""
    if principal is None:
        return []
    found = roles.live_assignments(now).filter(principal=principal)
    return [
        row
        for row in found.exclude(source="elevation")
        if row.start is None or row.start <= now
    ]


def gains(
    eligibility: Eligibility, principal: Principal, now: dt.datetime
) -> list[Gain]:
    """Return what a role permits where it is offered, what is new first."""
    graph, tiers = roles.role_graph(), roles.catalogue_tiers()
    kinds = _kinds_in(eligibility.scope)
    held = {
        permission
        for row in roles.live_assignments(now).filter(principal=principal)
        if (row.start is None or row.start <= now)
        and _reaches(row.scope, eligibility.scope)
        for permission in effective_permissions(graph, row.role.slug)
    }
    found = [
        Gain(
            one.action,
            one.resource_type,
            str(Tier(tiers[one]).label) if one in tiers else "",
            one in held,
        )
        for one in effective_permissions(graph, eligibility.role.slug)
        if kinds is None or one.resource_type in kinds
    ]
    return sorted(found, key=lambda g: (g.is_held, g.resource_type, g.action))


def _standing(
    row: Elevation, waiting: Iterable[Elevation], now: dt.datetime
) -> Standing:
    sibling = next(
        (
            other
            for other in waiting
            if other.eligibility_id == row.eligibility_id
            and other.pk != row.pk
            and (other.state != ElevationState.ACTIVE or other.extends_id == row.pk)
        ),
        None,
    )
    state = rules.state_at(row.clocks, now)
    if row.assignment is not None and row.assignment.revoked_at is not None:
        state = ElevationState.ENDED
    return Standing(row, state, sibling)


def _waiting(user_id: uuid.UUID, now: dt.datetime) -> list[Elevation]:
    rows = elevations.elevations_of(user_id).filter(state__in=OPEN_STATES)
    return [row for row in rows if _is_open(row, now)]


def _is_open(row: Elevation, now: dt.datetime) -> bool:
    return rules.state_at(row.clocks, now) in OPEN_STATES


def _kinds_in(scope: Resource | None) -> frozenset[str] | None:
    """Return the types of what lies in a scope; None if that cannot be said."""
    if scope is None:
        return None
    if scope.type != RESOURCE_GROUP:
        return frozenset({scope.type})
    kinds = frozenset(scope.members.values_list("type", flat=True))
    return None if RESOURCE_GROUP in kinds else kinds


def _reaches(held: Resource | None, wanted: Resource | None) -> bool:
    """Say whether what is held in one place counts everywhere in another."""
    if held is None:
        return True
    if wanted is None:
        return False
    return held.pk == wanted.pk or wanted.groups.filter(pk=held.pk).exists()


def _text_of(row: Eligibility) -> str:
    parts = (row.purpose, row.role.name, row.role.description, row.scope or "")
    return " ".join(str(part) for part in parts).casefold()
