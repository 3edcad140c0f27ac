"""How far somebody may do something, in one state of the records, for all actions.

The answer is that of an engine over the records of the best and of the worst case (see
`circumstances`), found with bit masks over statements instead of one decision each.
"""

from __future__ import annotations

import bisect
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from apps.simulation.rules.circumstances import Reading, handle_of, read
from apps.simulation.rules.masks import bits, mask_of, masks_of, union
from engine.cedar import ROLE_TYPE
from engine.decide import Placed, PolicyEngine, Request
from engine.entities import role_entities
from engine.errors import EngineError
from engine.index import request_keys
from engine.roles import Grant, Holdings
from protocol.records import EntityRef

_NONE: frozenset[str] = frozenset()


class Level(IntEnum):
    """How far something is allowed."""

    NEVER = 0
    SOMETIMES = 1
    ALWAYS = 2


@dataclass(frozen=True)
class Cell:
    """How far one action is allowed, and by which statements.

    `signature` is what the statements mean that apply; equal ones decide equally in all
    circumstances.
    """

    level: Level
    signature: frozenset[str] = _NONE
    permits: tuple[int, ...] = ()
    forbids: tuple[int, ...] = ()
    is_timed: bool = False


NOTHING = Cell(Level.NEVER)
Row = Mapping[str, Cell]
_EMPTY: Row = {}


@dataclass(frozen=True)
class Standing:
    """The roles that count for a principal, and the statements that are for it."""

    mask: int
    roles: tuple[EntityRef, ...]


@dataclass(frozen=True)
class Stance:
    """What counts for a principal where some places do.

    `usable` leaves out what a separation keeps from use; None is the same as all.
    """

    whole: Standing
    usable: Standing | None = None


@dataclass(frozen=True)
class _Minded:
    """What makes a difference to what somebody holds: scopes, and moments in order."""

    scopes: frozenset[EntityRef]
    turns: tuple[dt.datetime, ...]


class Levels:
    """Finds levels in one state of the records, at one moment."""

    def __init__(self, engine: PolicyEngine, now: dt.datetime) -> None:
        self.engine = engine
        self.now = now
        self._entities = engine.entities
        self._readings = [
            read(statement, engine.policy_of(number))
            for number, statement in enumerate(engine.statements)
        ]
        self._principal_masks = masks_of(s.principal for s in engine.statements)
        self._resource_masks = masks_of(s.resource for s in engine.statements)
        # A version counts in its time only, and in between nothing begins or ends.
        self._turns = sorted(
            {
                bound
                for policy in map(engine.policy_of, range(len(engine.statements)))
                for bound in (policy.interval.start, policy.interval.end)
                if bound is not None
            }
        )
        self._counting: dict[int, int] = {}
        self._masks: dict[EntityRef, int] = {}
        self._action_masks: dict[str, int] = {}
        self._scopes = frozenset(
            grant.scope
            for grants in self._entities.holdings.grants.values()
            for grant in grants
            if grant.scope is not None
        )
        self.principals = self._entities.principals
        self._minded: dict[EntityRef, _Minded] = {}
        self._waivers = self._entities.holdings.waivers_end
        self._handles: dict[int, Any] = {}
        self._stances: dict[tuple[EntityRef, frozenset[EntityRef], int], Stance] = {}
        self._rows: dict[tuple[int, object], Row] = {}
        self._applicable: dict[int, Mapping[str, tuple[int, ...]]] = {}
        self._held: dict[object, bool | None] = {}
        self._asking = mask_of(n for n, r in enumerate(self._readings) if r.kept)

    def scopes_of(self, resource: EntityRef) -> frozenset[EntityRef]:
        """Return the places of a resource that an assignment is scoped to."""
        return self._entities.above_resource(resource) & self._scopes

    def resource_mask(self, resource: EntityRef, at: dt.datetime | None = None) -> int:
        """Return the statements whose head is about a resource, and that count then."""
        known = self._masks.get(resource)
        if known is None:
            places = self._entities.above_resource(resource) - {resource}
            keys = request_keys(resource, places)
            known = self._masks[resource] = union(self._resource_masks, keys)
        return known & self._counting_at(at or self.now)

    def stance(
        self,
        principal: EntityRef,
        scopes: frozenset[EntityRef],
        at: dt.datetime | None = None,
    ) -> Stance:
        """Return the statements that are for a principal where these scopes count."""
        moment = at or self.now
        minded = self._minded_by(principal)
        turn = bisect.bisect_right(minded.turns, moment)
        key = (principal, scopes & minded.scopes, turn)
        known = self._stances.get(key)
        if known is None:
            known = self._stances[key] = self._stance(principal, key[1], moment)
        return known

    def _counting_at(self, moment: dt.datetime) -> int:
        turn = bisect.bisect_right(self._turns, moment)
        known = self._counting.get(turn)
        if known is None:
            count = self.engine.counts
            numbers = range(len(self.engine.statements))
            known = mask_of(n for n in numbers if count(n, moment))
            self._counting[turn] = known
        return known

    def _minded_by(self, principal: EntityRef) -> _Minded:
        known = self._minded.get(principal)
        if known is None:
            grants = list(all_grants(self._entities.holdings, principal))
            scopes = {grant.scope for grant in grants if grant.scope is not None}
            bounds = {bound for grant in grants for bound in (grant.start, grant.end)}
            turns = sorted(bounds | self._waivers)
            known = self._minded[principal] = _Minded(frozenset(scopes), tuple(turns))
        return known

    def attributes_of(self, entity: EntityRef, side: str, mask: int) -> object:
        """Return the values of an entity that statements of a mask ask for.

        `side` is principal or resource. Where a statement may ask for anything, that
        is the entity itself.
        """
        names: set[str] = set()
        for number in bits(mask & self._asking):
            asked = self._readings[number].attributes
            if asked is None:
                return entity
            names.update(name for name in asked if name.startswith(f"{side}."))
        if not names:
            return entity.type if mask & self._asking else ""
        known = self._entities.attributes(entity, {})
        values = [repr(known.get(name.partition(".")[2])) for name in sorted(names)]
        return (entity.type, *values)

    def row(
        self, principal: EntityRef, resource: EntityRef, stance: Stance, mask: int
    ) -> Row:
        """Return the cells of all actions that are not out of the question."""
        whole = self._row_of(principal, resource, stance.whole, mask)
        if stance.usable is None or not whole:
            return whole
        rest = self._row_of(principal, resource, stance.usable, mask)
        return {
            action: _both(cell, rest.get(action, NOTHING))
            for action, cell in whole.items()
            if rest.get(action, NOTHING).level
        }

    def signature_of(self, number: int) -> str:
        """Return what a statement means besides its head."""
        return self._readings[number].signature

    def cell(
        self,
        principal: EntityRef,
        action: str,
        resource: EntityRef,
        at: dt.datetime | None = None,
    ) -> Cell:
        """Return how far one question is allowed."""
        stance = self.stance(principal, self.scopes_of(resource), at)
        mask = self.resource_mask(resource, at) & self._about(action)
        return self.row(principal, resource, stance, mask).get(action, NOTHING)

    def _about(self, action: str) -> int:
        """Return the statements whose head is about an action."""
        known = self._action_masks.get(action)
        if known is None:
            heads = enumerate(one.action for one in self.engine.statements)
            known = self._action_masks[action] = mask_of(
                number
                for number, head in heads
                if head.op == "any" or action in (head.ids or (head.id,))
            )
        return known

    def _stance(
        self, principal: EntityRef, scopes: frozenset[EntityRef], now: dt.datetime
    ) -> Stance:
        if principal.type == ROLE_TYPE:
            return Stance(Standing(0, ()))
        holdings = self._entities.holdings
        usable = holdings.usable(principal, now, scopes)
        whole = self._standing(principal, holdings.counting(principal, now, scopes))
        if not usable.separations:
            return Stance(whole)
        return Stance(whole, self._standing(principal, usable.grants))

    def _standing(self, principal: EntityRef, grants: Iterable[Grant]) -> Standing:
        roles = role_entities(self._entities.holdings.above(grants))
        mask = union(self._principal_masks, request_keys(principal, roles))
        return Standing(mask, roles)

    def _row_of(
        self, principal: EntityRef, resource: EntityRef, standing: Standing, mask: int
    ) -> Row:
        mask &= standing.mask
        if not mask:
            return _EMPTY
        asking = tuple(bits(mask & self._asking))
        held = tuple(
            self._holds(number, principal, resource, standing.roles)
            for number in asking
        )
        known = self._rows.get((mask, held))
        if known is None:
            known = self._cells(mask, dict(zip(asking, held, strict=True)))
            self._rows[mask, held] = known
        return known

    def _cells(self, mask: int, held: Mapping[int, bool | None]) -> Row:
        found = {
            action: self._cell(numbers, held)
            for action, numbers in self._by_action(mask).items()
        }
        return {action: cell for action, cell in found.items() if cell.level}

    def _cell(self, numbers: Sequence[int], held: Mapping[int, bool | None]) -> Cell:
        found = [_Fit(n, self._readings[n], held.get(n, True)) for n in numbers]
        if not _is_allowed([one for one in found if one.counts_at_best]):
            return NOTHING
        is_always = _is_allowed([one for one in found if one.counts_at_worst]) and (
            not any(one.held and one.could_fail for one in found)
        )
        applying = [one for one in found if one.held]
        return Cell(
            Level.ALWAYS if is_always else Level.SOMETIMES,
            frozenset(one.reading.signature for one in applying),
            tuple(one.number for one in applying if one.is_permit),
            tuple(one.number for one in applying if not one.is_permit),
            any(one.reading.is_timed for one in applying),
        )

    def _by_action(self, mask: int) -> Mapping[str, tuple[int, ...]]:
        known = self._applicable.get(mask)
        if known is None:
            found: dict[str, list[int]] = {}
            for number in bits(mask):
                head = self.engine.statements[number].action
                names: Iterable[str] = head.ids or (head.id,)
                if head.op == "any":
                    names = self.engine.actions
                for name in names:
                    found.setdefault(name, []).append(number)
            known = {name: tuple(numbers) for name, numbers in found.items()}
            self._applicable[mask] = known
        return known

    def _holds(
        self,
        number: int,
        principal: EntityRef,
        resource: EntityRef,
        roles: tuple[EntityRef, ...],
    ) -> bool | None:
        """Say whether the kept conditions of a statement hold; None is an error."""
        key: object = (number, principal, resource, roles)
        if self._readings[number].attributes is not None:
            one = 1 << number
            who = self.attributes_of(principal, "principal", one)
            key = (number, who, self.attributes_of(resource, "resource", one))
        if key not in self._held:
            request = Request(principal, "", resource, self.now)
            places = self._entities.above_resource(resource)
            self._held[key] = self._evaluate(number, Placed(request, places, roles))
        return self._held[key]

    def _evaluate(self, number: int, placed: Placed) -> bool | None:
        handle = self._handles.get(number)
        if handle is None:
            statement = self.engine.statements[number]
            handle = handle_of(statement, self._readings[number])
            self._handles[number] = handle
        try:
            found = self.engine.evaluate(placed, handle)
        except EngineError:
            return None
        return None if found.errors else found.allowed


@dataclass(frozen=True)
class _Fit:
    """A statement whose head matches. `held` is None where it ends in an error."""

    number: int
    reading: Reading
    held: bool | None

    @property
    def is_permit(self) -> bool:
        return self.reading.effect == "permit"

    @property
    def counts_at_best(self) -> bool:
        return self.is_permit or not self.reading.is_open

    @property
    def counts_at_worst(self) -> bool:
        return not self.is_permit or not self.reading.is_open

    @property
    def could_fail(self) -> bool:
        return self.is_permit and self.reading.is_open and self.reading.can_fail


def _is_allowed(fits: Sequence[_Fit]) -> bool:
    """Decide as the engine does: an error denies, a forbid wins, default is deny."""
    if any(one.held is None or (one.held and not one.is_permit) for one in fits):
        return False
    return any(one.held for one in fits)


def all_grants(holdings: Holdings, principal: EntityRef) -> Iterator[Grant]:
    """Yield the grants of a principal and of all who lend to it, at any time."""
    seen: set[EntityRef] = set()
    todo = [principal]
    while todo:
        who = todo.pop()
        if who not in seen:
            seen.add(who)
            for grant in holdings.grants.get(who, ()):
                yield grant
                if grant.delegator is not None:
                    todo.append(grant.delegator)


def _both(one: Cell, other: Cell) -> Cell:
    return Cell(
        min(one.level, other.level),
        one.signature | other.signature,
        other.permits,
        tuple(sorted({*one.forbids, *other.forbids})),
        one.is_timed or other.is_timed,
    )
