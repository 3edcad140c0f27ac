"""A release in a form that needs neither Cedar nor recursion to decide from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine import cedar
from engine.calendar import Transitions
from engine.cedar import CONTEXT_ATTRIBUTES, CONTEXT_RANGES, ReadStatement
from engine.entities import Entities
from engine.errors import CedarSyntaxError
from engine.exports.expressions import ERROR, Flattener, Tree
from engine.literals import string_literal
from engine.obligations import SUPPORTED, Duty, judge
from engine.roles import Grant, closure, parents_of
from engine.separation import Separation
from protocol.records import (
    CHECKS,
    AssignmentRecord,
    EntityRef,
    Head,
    Obligation,
    PolicyRecord,
    PrincipalRecord,
    Record,
    ResourceRecord,
    RoleRecord,
    SeparationRecord,
    Statement,
    overlapping,
)

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FIRST = dt.datetime.min.replace(tzinfo=dt.UTC)
_LAST = dt.datetime.max.replace(tzinfo=dt.UTC)
_SOMEBODY = EntityRef("User", "somebody")
_BATCH = 500
_MOST_REMEMBERED = 65_536
DENIES = "denies with an error wherever it is asked"
UNKNOWN = {
    "permit": "the permit never matches there",
    "forbid": "the forbid always matches there",
}


@dataclass(frozen=True, order=True)
class Unsupported:
    """What a target does not do as the engine does, why, and what happens instead."""

    policy: str
    statement: str
    reason: str
    instead: str

    def to_dict(self) -> dict[str, str]:
        """Return the JSON form."""
        return {
            "policy": self.policy,
            "statement": self.statement,
            "reason": self.reason,
            "instead": self.instead,
        }


@dataclass(frozen=True)
class Flat:
    """The data that the Rego decides from, and what it cannot decide alike."""

    decider: dict[str, Any]
    unsupported: tuple[Unsupported, ...]


def flatten(records: Iterable[Record], zones: Mapping[str, Transitions]) -> Flat:
    """Return a release as data; the order of the records does not matter."""
    found = sorted(records, key=lambda record: record.key)
    pairs = [
        (record, statement)
        for record in found
        if isinstance(record, PolicyRecord)
        for statement in record.statements
    ]
    twice = shared_ids(pairs)
    statements, unsupported = [], set[Unsupported]()
    texts = read_statements(statement for _, statement in pairs)
    for policy, statement in pairs:
        read = None if statement.id in twice else texts.get(statement.cedar)
        tree, refused = _tree(policy, statement, read)
        statements.append(_statement(policy, tree))
        unsupported |= refused
    decider = {
        "statements": statements,
        **_index([statement for _, statement in pairs]),
        **_entities(found),
        **_holdings(found),
        "obligations": _obligations(r for r in found if isinstance(r, PolicyRecord)),
        "context": _context(),
        "zones": {zone: [list(t) for t in ts] for zone, ts in zones.items()},
    }
    return Flat(decider, tuple(sorted(unsupported)))


@dataclass(frozen=True)
class Read:
    """What the text of a statement really says."""

    said: tuple[str, str, tuple[Head, Head, Head]]
    tree: Tree
    unsupported: tuple[str, ...]


def _tree(
    policy: PolicyRecord, statement: Statement, read: Read | None
) -> tuple[Tree, set[Unsupported]]:
    """Return the conditions of a statement, and what cannot be said of them."""
    heads = (statement.principal, statement.action, statement.resource)
    if read is None or read.said != (statement.id, policy.effect, heads):
        # The engine denies what such a statement is asked.
        reason = "its text and its record disagree"
        return dict(ERROR), {Unsupported(policy.slug, statement.id, reason, DENIES)}
    return read.tree, {
        Unsupported(policy.slug, statement.id, reason, _instead(policy, reason))
        for reason in read.unsupported
    }


def shared_ids(pairs: Iterable[tuple[PolicyRecord, Statement]]) -> frozenset[str]:
    """Return the ids that statements share, unless only one counts at any time."""
    owners: dict[str, list[PolicyRecord]] = {}
    for policy, statement in pairs:
        owners.setdefault(statement.id, []).append(policy)
    return frozenset(
        ident
        for ident, found in owners.items()
        if len(found) > 1 and overlapping([policy.interval for policy in found])
    )


_remembered: dict[str, Read | None] = {}


def read_statements(statements: Iterable[Statement]) -> dict[str, Read | None]:
    """Return what texts say; remembered, as most were in the release before.

    Many are parsed at once, which is quick. A text that could hold more or less than
    its statement, or breaks the others, is parsed by itself.
    """
    found: dict[str, Read | None] = {}
    unread = []
    for statement in statements:
        text = statement.cedar
        if text in _remembered:
            found[text] = _remembered[text]
        elif _is_plain(statement):
            unread.append(statement)
        else:
            found[text] = _read(text)
    for start in range(0, len(unread), _BATCH):
        found |= _read_together(unread[start : start + _BATCH])
    if len(_remembered) > _MOST_REMEMBERED:
        _remembered.clear()
    _remembered.update(found)
    return found


def forget_statements() -> None:
    """Start again as a new process does, which a measurement needs."""
    _remembered.clear()


def _read_together(batch: Sequence[Statement]) -> dict[str, Read | None]:
    try:
        read = cedar.read_statements("\n".join(one.cedar for one in batch))
    except CedarSyntaxError:
        return {one.cedar: _read(one.cedar) for one in batch}
    return {one.cedar: _said(one.id, read[one.id]) for one in batch if one.id in read}


def _is_plain(statement: Statement) -> bool:
    """Say whether a text is one statement at most: it has one @id, its own."""
    own = f"@id({string_literal(statement.id)})\n"
    return statement.cedar.startswith(own) and statement.cedar.count("@id") == 1


def _read(text: str) -> Read | None:
    try:
        ((ident, one),) = cedar.read_statements(text).items()
    except (CedarSyntaxError, ValueError):
        return None
    return _said(ident, one)


def _said(ident: str, one: ReadStatement) -> Read:
    flattener = Flattener()
    tree = flattener.conditions(one.conditions)
    said = (ident, one.effect, one.heads)
    return Read(said, tree, tuple(flattener.unsupported))


def _instead(policy: PolicyRecord, reason: str) -> str:
    return UNKNOWN[policy.effect] if "distance" in reason else DENIES


def _statement(policy: PolicyRecord, tree: Tree) -> dict[str, Any]:
    interval = policy.interval
    times = {"from": interval.start, "until": interval.end}
    return {
        "policy": policy.slug,
        "record": policy.id,
        "effect": policy.effect,
        "when": tree,
        **{name: microseconds(at) for name, at in times.items() if at is not None},
    }


def _obligations(policies: Iterable[PolicyRecord]) -> dict[str, list[dict[str, Any]]]:
    """Return what policies ask for besides: what is judged, and how it is said.

    Whose session is to be ended is filled in with the question.
    """
    return {
        policy.id: [
            {**_checked(asked), "duty": _duty(policy, number).to_dict()}
            for number, asked in enumerate(policy.obligations)
        ]
        for policy in policies
        if policy.obligations
    }


def _checked(asked: Obligation) -> dict[str, Any]:
    if asked.type not in CHECKS:
        return {"check": ""}
    limits = {"level": asked.level, "max_age": asked.max_age, "at_most": asked.at_most}
    return {"check": asked.type, **limits}


def _duty(policy: PolicyRecord, number: int) -> Duty:
    every = {"supported_obligations": list(SUPPORTED)}
    duties = judge([policy], _SOMEBODY, every, is_permit=True).duties
    return next(duty for duty in duties if duty.id == f"{policy.slug}/{number}")


def _index(statements: Sequence[Statement]) -> dict[str, Any]:
    """Return the numbers of statements by head of principal and resource."""
    numbers: dict[str, dict[Head, str]] = {"principal": {}, "resource": {}}
    pairs: dict[str, dict[str, dict[str, Any]]] = {}
    for number, statement in enumerate(statements):
        keys = [
            known.setdefault(head, str(len(known)))
            for known, head in (
                (numbers["principal"], statement.principal),
                (numbers["resource"], statement.resource),
            )
        ]
        pair = pairs.setdefault(keys[0], {}).setdefault(keys[1], {})
        for action in _actions(statement.action):
            if action is None:
                pair.setdefault("any", []).append(number)
            else:
                pair.setdefault("of", {}).setdefault(action, []).append(number)
    heads = {name: _heads(known) for name, known in numbers.items()}
    return {"heads": heads, "pairs": pairs}


def _actions(head: Head) -> Iterable[str | None]:
    if head.op == "any":
        return [None]
    return dict.fromkeys(head.ids or [head.id])


def _heads(known: Mapping[Head, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for head, number in known.items():
        match head.op:
            case "any":
                way = ["any"]
            case "is":
                way = ["is", head.type]
            case "is_in":
                way = ["is_in", head.type, head.in_type, head.in_id]
            case "==":
                way = ["eq", head.type, head.id]
            case _:
                way = ["in", head.type, head.id]
        inner = found
        for step in way[:-1]:
            inner = inner.setdefault(step, {})
        inner.setdefault(way[-1], []).append(number)
    return found


def _entities(records: Sequence[Record]) -> dict[str, Any]:
    entities = Entities(records)
    attributes: dict[str, dict[str, Any]] = {}
    places: dict[str, dict[str, Any]] = {}
    for record in records:
        if not isinstance(record, PrincipalRecord | ResourceRecord):
            continue
        entity = record.entity
        if known := entities.attributes(entity, {}):
            attributes.setdefault(entity.type, {})[entity.id] = dict(known)
        if groups := entities.above_resource(entity) - {entity}:
            places.setdefault(entity.type, {})[entity.id] = [
                _pair(group) for group in sorted(groups)
            ]
    return {"attributes": attributes, "places": places}


def _holdings(records: Sequence[Record]) -> dict[str, Any]:
    roles = [record for record in records if isinstance(record, RoleRecord)]
    parents = parents_of(roles)
    grants: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for record in records:
        if isinstance(record, AssignmentRecord):
            held = grants.setdefault(record.principal.type, {})
            held.setdefault(record.principal.id, []).append(
                _grant(Grant.from_record(record))
            )
    return {
        "above": {role.id: sorted(closure([role.id], parents)) for role in roles},
        "grants": grants,
        "separations": [
            _separation(Separation.from_record(record))
            for record in records
            if isinstance(record, SeparationRecord)
        ],
    }


def _grant(grant: Grant) -> dict[str, Any]:
    return {
        "role": grant.role,
        "scope": _pair(grant.scope) if grant.scope else None,
        "start": -1 if grant.start == _FIRST else microseconds(grant.start),
        "end": None if grant.end == _LAST else microseconds(grant.end),
        "lent": grant.is_lent,
        "lendable": grant.can_be_lent,
        "delegator": _pair(grant.delegator) if grant.delegator else None,
    }


def _separation(one: Separation) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": "static" if one.is_static else "dynamic",
        "roles": sorted(one.roles),
        "limit": one.limit,
        "waivers": [
            {"who": _pair(who), "until": microseconds(until)}
            for who, until in sorted(one.waived)
        ],
    }


def _context() -> list[dict[str, Any]]:
    """Return what a question may carry, as the engine knows it."""
    found = []
    for name, kind in CONTEXT_ATTRIBUTES.items():
        outer, _, inner = name.partition(".")
        known = {"name": name, "outer": outer, "inner": inner, "type": kind.value}
        limits = dict(
            zip(("least", "most"), CONTEXT_RANGES.get(name, ()), strict=False)
        )
        found.append({**known, **limits})
    return found


def microseconds(moment: dt.datetime) -> int:
    """Return an instant as a whole number, as exact as Python's own."""
    return (moment - _EPOCH) // dt.timedelta(microseconds=1)


def _pair(entity: EntityRef) -> list[str]:
    return [entity.type, entity.id]
