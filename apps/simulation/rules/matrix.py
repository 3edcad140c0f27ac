"""Who may do what in one state of the records, and who in another: the difference.

Every principal is compared on every resource for every action. Whatever the heads of
changed policies do not touch is left out where nothing else has changed, because its
statements are the same on both sides. Resources that no statement and no assignment
tells apart are decided once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from apps.simulation.rules import sensitivity
from apps.simulation.rules.changes import Pair
from apps.simulation.rules.levels import NOTHING, Cell, Level, Levels, Row
from apps.simulation.rules.touch import different, is_by_heads
from engine.cedar import GROUP_TYPE, ROLE_TYPE
from protocol.records import EntityRef

Progress = Callable[[float], None]
_STEP = 20
_NOBODY: Row = {}


class Turn(StrEnum):
    """How a right changes."""

    GAINED = "gained"
    LOST = "lost"
    WIDENED = "widened"
    NARROWED = "narrowed"
    RESHAPED = "reshaped"


@dataclass(frozen=True)
class Shift:
    """A right that somebody gains or loses on resources that are alike."""

    principal: EntityRef
    action: str
    resources: tuple[EntityRef, ...]
    turn: Turn
    before: Level
    after: Level
    roles: tuple[str, ...]
    policies: tuple[str, ...]
    tiers: tuple[str, ...]
    sensitive: tuple[str, ...]

    @property
    def count(self) -> int:
        """Return how many cells of the matrix change."""
        return len(self.resources)


@dataclass(frozen=True)
class Difference:
    """All that changes. `asked` of `total` cells were compared, others are the same."""

    shifts: tuple[Shift, ...]
    principals: int
    resources: int
    actions: int
    asked: int

    @property
    def total(self) -> int:
        """Return how many cells the matrix has."""
        return self.principals * self.resources * self.actions


@dataclass(frozen=True)
class _Alike:
    """Resources that nothing tells apart, on both sides."""

    members: tuple[EntityRef, ...]
    masks: tuple[int, int]
    scopes: tuple[frozenset[EntityRef], frozenset[EntityRef]]
    sensitive: tuple[str, ...]


@dataclass(frozen=True)
class _Change:
    """One action that differs between two rows, and where that comes from."""

    action: str
    turn: Turn
    before: Level
    after: Level
    roles: tuple[str, ...]
    policies: tuple[str, ...]
    tiers: tuple[str, ...]


@dataclass(frozen=True)
class _Compared:
    """What differs between two rows. It keeps them, so that their ids stay theirs."""

    rows: tuple[Row, Row]
    changes: tuple[_Change, ...]


class Matrix:
    """Compares two states of the records."""

    def __init__(
        self,
        before: Levels,
        after: Levels,
        changed: Iterable[Pair],
    ) -> None:
        pairs = list(changed)
        self._sides = (before, after)
        self._known: dict[tuple[int, int], _Compared] = {}
        self._is_by_heads = is_by_heads(pairs)
        old, new = different(pairs)
        self._touched = (_touching(before, old), _touching(after, new))

    def difference(self, progress: Progress = lambda _share: None) -> Difference:
        """Return who gains or loses what, the sensitive first."""
        principals = self._principals()
        resources = self._resources()
        alike = list(self._alike(resources))
        shifts: list[Shift] = []
        for number, principal in enumerate(principals):
            if number % _STEP == 0:
                progress(number / len(principals))
            for group in alike:
                shifts.extend(self._shifts(principal, group))
        actions = {*self._sides[0].engine.actions, *self._sides[1].engine.actions}
        return Difference(
            tuple(sorted(shifts, key=_rank)),
            len(principals),
            len(resources),
            len(actions),
            len(principals) * sum(len(one.members) for one in alike) * len(actions),
        )

    def _principals(self) -> list[EntityRef]:
        known = {p for side in self._sides for p in side.principals}
        return sorted(p for p in known if p.type != ROLE_TYPE)

    def _resources(self) -> list[EntityRef]:
        known = {r for side in self._sides for r in side.engine.entities.groups}
        return sorted(r for r in known if r.type != GROUP_TYPE)

    def _alike(self, resources: Sequence[EntityRef]) -> Iterator[_Alike]:
        """Yield the resources in groups that nothing tells apart."""
        before, after = self._sides
        found: dict[object, list[EntityRef]] = {}
        facts: dict[object, _Alike] = {}
        for resource in resources:
            masks = (before.resource_mask(resource), after.resource_mask(resource))
            if self._is_by_heads and not any(
                mask & touched
                for mask, touched in zip(masks, self._touched, strict=True)
            ):
                continue
            scopes = (before.scopes_of(resource), after.scopes_of(resource))
            sensitive = self._sensitive(resource)
            values = tuple(
                side.attributes_of(resource, "resource", mask)
                for side, mask in zip(self._sides, masks, strict=True)
            )
            known = tuple(
                resource in side.engine.entities.groups for side in self._sides
            )
            key: object = (resource.type, masks, scopes, sensitive, values, known)
            found.setdefault(key, []).append(resource)
            facts[key] = _Alike((), masks, scopes, sensitive)
        for alike, members in found.items():
            one = facts[alike]
            yield _Alike(tuple(members), one.masks, one.scopes, one.sensitive)

    def _shifts(self, principal: EntityRef, group: _Alike) -> Iterator[Shift]:
        if self._is_by_heads and not self._is_touched(principal, group):
            return
        before, after = (
            self._row(side, principal, group.members[0], mask, scopes)
            for side, mask, scopes in zip(
                self._sides, group.masks, group.scopes, strict=True
            )
        )
        for change in self._compared(before, after):
            yield _shift(principal, group, change)

    def _compared(self, before: Row, after: Row) -> tuple[_Change, ...]:
        """Compare two rows; most are met again and again."""
        key = (id(before), id(after))
        known = self._known.get(key)
        if known is None:
            changes = tuple(self._changes(before, after))
            known = self._known[key] = _Compared((before, after), changes)
        return known.changes

    def _changes(self, before: Row, after: Row) -> Iterator[_Change]:
        for action in {**before, **after}:
            cells = (before.get(action, NOTHING), after.get(action, NOTHING))
            turn = turn_of(*cells)
            if turn is not None:
                levels = (cells[0].level, cells[1].level)
                yield _Change(action, turn, *levels, *self._sources(cells))

    def _is_touched(self, principal: EntityRef, group: _Alike) -> bool:
        return any(
            side.stance(principal, scopes).whole.mask & mask & touched
            for side, scopes, mask, touched in zip(
                self._sides, group.scopes, group.masks, self._touched, strict=True
            )
        )

    def _row(
        self,
        side: Levels,
        principal: EntityRef,
        resource: EntityRef,
        mask: int,
        scopes: frozenset[EntityRef],
    ) -> Row:
        if resource not in side.engine.entities.groups:
            return _NOBODY
        if principal not in side.principals:
            return _NOBODY
        return side.row(principal, resource, side.stance(principal, scopes), mask)

    def _sources(
        self, cells: tuple[Cell, Cell]
    ) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Return the roles, policies and tiers that a change comes from.

        Those of permits count that are on one side only, or else all.
        """
        named = [
            {
                (
                    statement.principal.id if statement.principal.op == "in" else "",
                    policy.slug,
                    policy.tier,
                    side.signature_of(number),
                )
                for number in (*cell.permits, *cell.forbids)
                for statement in [side.engine.statements[number]]
                for policy in [side.engine.policy_of(number)]
            }
            for side, cell in zip(self._sides, cells, strict=True)
        ]
        found = (named[0] ^ named[1]) or (named[0] | named[1])
        return (
            tuple(sorted({role for role, _, _, _ in found if role})),
            tuple(sorted({policy for _, policy, _, _ in found})),
            tuple(sorted({tier for _, _, tier, _ in found})),
        )

    def _sensitive(self, resource: EntityRef) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for side in self._sides:
            entities = side.engine.entities
            if resource in entities.groups:
                attributes = entities.attributes(resource, {})
                places = entities.above_resource(resource)
                found |= dict.fromkeys(sensitivity.reasons((), attributes, places))
        return tuple(found)


def _shift(principal: EntityRef, group: _Alike, change: _Change) -> Shift:
    sensitive = group.sensitive
    if sensitivity.ADMIN in change.tiers:
        sensitive = ("admin tier", *sensitive)
    return Shift(
        principal=principal,
        action=change.action,
        resources=group.members,
        turn=change.turn,
        before=change.before,
        after=change.after,
        roles=change.roles,
        policies=change.policies,
        tiers=change.tiers,
        sensitive=sensitive,
    )


def _touching(side: Levels, names: frozenset[str]) -> int:
    found = 0
    for number, statement in enumerate(side.engine.statements):
        if statement.id in names:
            found |= 1 << number
    return found


def turn_of(before: Cell, after: Cell) -> Turn | None:
    """Say how a right changes, or None."""
    match before.level, after.level:
        case (Level.NEVER, Level.NEVER) | (Level.ALWAYS, Level.ALWAYS):
            return None
        case Level.NEVER, _:
            return Turn.GAINED
        case _, Level.NEVER:
            return Turn.LOST
        case Level.SOMETIMES, Level.ALWAYS:
            return Turn.WIDENED
        case Level.ALWAYS, Level.SOMETIMES:
            return Turn.NARROWED
        case _:
            return None if before.signature == after.signature else Turn.RESHAPED


_TURNS = {turn: place for place, turn in enumerate(Turn)}


def _rank(shift: Shift) -> tuple[object, ...]:
    return (
        not shift.sensitive,
        _TURNS[shift.turn],
        -len(shift.sensitive),
        -shift.count,
        shift.principal,
        shift.action,
        shift.resources,
    )
