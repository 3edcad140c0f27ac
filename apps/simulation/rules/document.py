"""Evidence as a document: what a change does, in JSON with a digest. No fractions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from apps.simulation.rules.changes import Pair
from apps.simulation.rules.matrix import Difference, Shift, Turn
from apps.simulation.rules.replay import Fate, Logged, Replayed
from apps.simulation.rules.risk import risk_of
from protocol.canonical import digest
from protocol.records import EntityRef

VERSION = 1
MOST_PRINCIPALS = 500
MOST_ROWS = 100
MOST_EXAMPLES = 100
MOST_OF_ONE = 5
_DOMAIN = "portward-evidence-v1"


def document_digest(document: Mapping[str, Any]) -> str:
    """Return what approvers sign of evidence."""
    return "sha256:" + digest(_DOMAIN, dict(document)).hex()


def impact_document(difference: Difference, changed: Sequence[Pair]) -> dict[str, Any]:
    """Return who gains and loses what, and how risky that is."""
    shifts = difference.shifts
    risk = risk_of(difference, changed)
    gaining = _distinct(s for s in shifts if s.turn in (Turn.GAINED, Turn.WIDENED))
    return {
        **{turn.value: _sum(s for s in shifts if s.turn is turn) for turn in Turn},
        "principals": _principals(shifts),
        "by_role": _by(shifts, lambda s: s.roles or ("",))[:MOST_ROWS],
        "by_policy": _by(shifts, lambda s: s.policies)[:MOST_ROWS],
        "by_resource": _by_resource(shifts)[:MOST_ROWS],
        "sensitive": _sensitive(shifts),
        "risk": {
            "score": risk.score,
            "level": risk.level.value,
            "factors": [
                {"code": f.code, "points": f.points, "words": f.words}
                for f in risk.factors
            ],
        },
        "blast_radius": {
            "principals": len(gaining),
            "of": difference.principals,
            "resources": len({r for s in shifts for r in s.resources}),
            "of_resources": difference.resources,
        },
        "examples": _examples(shifts),
        "matrix": {
            "principals": difference.principals,
            "resources": difference.resources,
            "actions": difference.actions,
            "compared": difference.asked,
        },
    }


def replay_document(replayed: Replayed, sampled: int | None = None) -> dict[str, Any]:
    """Return what became of logged decisions."""
    return {
        "decisions": replayed.decisions,
        "questions": replayed.questions,
        "asked": replayed.asked,
        "sampled_of": sampled,
        "from": replayed.first.isoformat() if replayed.first else None,
        "until": replayed.last.isoformat() if replayed.last else None,
        **{fate.value: replayed.counts[fate] for fate in Fate},
        "examples": [
            {"fate": fate.value, **_logged(one)}
            for fate in (Fate.ALLOW_TO_DENY, Fate.DENY_TO_ALLOW, Fate.DEPENDS)
            for one in replayed.examples[fate]
        ],
    }


def _logged(one: Logged) -> dict[str, Any]:
    return {
        "principal": one.principal.to_dict(),
        "action": one.action,
        "resource": one.resource.to_dict(),
        "at": one.at.isoformat(),
        "was": "allow" if one.allowed else "deny",
        "count": one.count,
    }


def _sum(shifts: Iterable[Shift]) -> dict[str, int]:
    found = list(shifts)
    return {
        "principals": len(_distinct(found)),
        "cells": sum(shift.count for shift in found),
    }


def _distinct(shifts: Iterable[Shift]) -> set[EntityRef]:
    return {shift.principal for shift in shifts}


def _principals(shifts: Iterable[Shift]) -> list[dict[str, Any]]:
    found: dict[EntityRef, Counter[str]] = {}
    for shift in shifts:
        counts = found.setdefault(shift.principal, Counter())
        counts[shift.turn.value] += shift.count
        counts["sensitive"] += shift.count if shift.sensitive else 0
    rows = [
        who.to_dict()
        | {turn.value: counts[turn.value] for turn in Turn}
        | {"sensitive": counts["sensitive"]}
        for who, counts in found.items()
    ]
    rows.sort(key=_most)
    return rows[:MOST_PRINCIPALS]


def _by(
    shifts: Iterable[Shift], names: Callable[[Shift], Iterable[str]]
) -> list[dict[str, Any]]:
    counts: dict[str, Counter[str]] = {}
    people: dict[str, set[EntityRef]] = {}
    for shift in shifts:
        for name in names(shift):
            counts.setdefault(name, Counter())[shift.turn.value] += shift.count
            people.setdefault(name, set()).add(shift.principal)
    rows = [
        {
            "name": name,
            "principals": len(people[name]),
            **{turn.value: found[turn.value] for turn in Turn},
        }
        for name, found in counts.items()
    ]
    return sorted(rows, key=_most)


def _by_resource(shifts: Iterable[Shift]) -> list[dict[str, Any]]:
    counts: dict[EntityRef, Counter[str]] = {}
    sensitive: dict[EntityRef, set[str]] = {}
    for shift in shifts:
        for resource in shift.resources:
            counts.setdefault(resource, Counter())[shift.turn.value] += 1
            sensitive.setdefault(resource, set()).update(shift.sensitive)
    rows = [
        {
            **resource.to_dict(),
            **{turn.value: found[turn.value] for turn in Turn},
            "sensitive": sorted(sensitive[resource]),
        }
        for resource, found in counts.items()
    ]
    return sorted(rows, key=_most)


def _most(row: Mapping[str, Any]) -> tuple[object, ...]:
    total = sum(int(row[turn.value]) for turn in Turn)
    return (not row.get("sensitive"), -total, str(row.get("id", row.get("name"))))


def _sensitive(shifts: Iterable[Shift]) -> dict[str, Any]:
    found = [s for s in shifts if s.sensitive and s.turn in (Turn.GAINED, Turn.WIDENED)]
    return {
        **_sum(found),
        "reasons": sorted({word for shift in found for word in shift.sensitive}),
    }


def _examples(shifts: Iterable[Shift]) -> list[dict[str, Any]]:
    """Return some cells, not too many of one person and turn."""
    seen: Counter[tuple[EntityRef, Turn]] = Counter()
    found: list[dict[str, Any]] = []
    for shift in shifts:
        for resource in shift.resources:
            seen[shift.principal, shift.turn] += 1
            if seen[shift.principal, shift.turn] > MOST_OF_ONE:
                break
            found.append(_example(shift, resource))
            if len(found) == MOST_EXAMPLES:
                return found
    return found


def _example(shift: Shift, resource: EntityRef) -> dict[str, Any]:
    return {
        "principal": shift.principal.to_dict(),
        "action": shift.action,
        "resource": resource.to_dict(),
        "turn": shift.turn.value,
        "before": shift.before.name.lower(),
        "after": shift.after.name.lower(),
        "roles": list(shift.roles),
        "policies": list(shift.policies),
        "sensitive": list(shift.sensitive),
    }
