"""How long a decision takes, against Cedar evaluating every policy."""

from __future__ import annotations

import datetime as dt
import json
import random
import time
from collections.abc import Iterator, Sequence

import cedarpy

from benchmarks.measure import Figure, median, percentile
from benchmarks.world import records
from engine.decide import PolicyEngine, Request
from protocol.records import (
    AssignmentRecord,
    EntityRef,
    PolicyRecord,
    Record,
    ResourceRecord,
    RoleRecord,
)

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


def questions(state: Sequence[Record], count: int) -> list[Request]:
    """Return the same random questions every time, each of which a policy is about.

    A question that no policy is about is answered without Cedar, and cheap.
    """
    rng = random.Random(7)  # noqa: S311  # repeatable, not secret
    holders: dict[str, list[EntityRef]] = {}
    members: dict[str, list[EntityRef]] = {}
    policies: list[PolicyRecord] = []
    for record in state:
        match record:
            case PolicyRecord():
                policies.append(record)
            case AssignmentRecord():
                holders.setdefault(record.role, []).append(record.principal)
            case ResourceRecord():
                for group in record.groups:
                    members.setdefault(group.id, []).append(record.entity)
            case _:
                pass
    asked = []
    for policy in rng.choices(policies, k=count):
        (statement,) = policy.statements
        who = rng.choice(holders[statement.principal.id])
        what = rng.choice(members[statement.resource.id])
        risk = {"risk": rng.randrange(100)}
        asked.append(Request(who, statement.action.id, what, NOW, risk))
    return asked


def run(sizes: Sequence[int], rounds: int) -> Iterator[Figure]:
    """Measure warm decisions at several sizes; answers must agree."""
    for size in sizes:
        state = records(size)
        engine = PolicyEngine.from_records(state, {})
        whole = _Whole(state)
        asked = questions(state, rounds)
        counts = [engine.decide(request).candidates for request in asked]
        note = (
            f"{sum(map(bool, counts)) / len(counts):.0%} of questions have candidates, "
            f"{sum(counts) / len(counts):.1f} on average"
        )
        ours, theirs = [], []
        for request in asked:
            started = time.perf_counter()
            found = engine.decide(request).allowed
            middle = time.perf_counter()
            expected = whole.decide(request)
            ended = time.perf_counter()
            if found != expected:
                raise AssertionError(f"the slice disagrees on {request}")
            ours.append((middle - started) * 1000)
            theirs.append((ended - middle) * 1000)
        yield Figure(
            f"decision, {size} policies, median",
            median(ours),
            "Cedar over all policies",
            median(theirs),
            note,
        )
        yield Figure(
            f"decision, {size} policies, p99",
            percentile(ours, 0.99),
            "Cedar over all policies",
            percentile(theirs, 0.99),
            note,
        )


class _Whole:
    """Cedar with every policy and every entity parsed beforehand."""

    def __init__(self, state: Sequence[Record]) -> None:
        text = ""
        entities: list[tuple[EntityRef, list[EntityRef]]] = []
        held: dict[EntityRef, list[EntityRef]] = {}
        for record in state:
            match record:
                case PolicyRecord():
                    text += "".join(s.cedar for s in record.statements)
                case AssignmentRecord():
                    role = EntityRef("Role", record.role)
                    held.setdefault(record.principal, []).append(role)
                case RoleRecord():
                    entities.append((EntityRef("Role", record.id), []))
                case ResourceRecord():
                    entities.append((record.entity, list(record.groups)))
                case _:
                    pass
        entities += list(held.items())
        self._policies = cedarpy.PolicySet.from_str(text)
        self._entities = cedarpy.Entities.from_json_str(
            json.dumps(
                [
                    {
                        "uid": entity.to_dict(),
                        "attrs": {},
                        "parents": [parent.to_dict() for parent in parents],
                    }
                    for entity, parents in entities
                ]
            )
        )

    def decide(self, request: Request) -> bool:
        """Evaluate everything."""
        result = cedarpy.is_authorized(
            {
                "principal": request.principal.to_dict(),
                "action": {"type": "Action", "id": request.action},
                "resource": request.resource.to_dict(),
                "context": json.dumps(dict(request.context)),
            },
            self._policies,
            self._entities,
        )
        return bool(result.allowed)
