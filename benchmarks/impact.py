"""How long impact, replay and simulation take, without a database.

Times of impact and replay are those of one core.
"""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Iterator
from dataclasses import replace

from apps.simulation.rules import Levels, Logged, Matrix, Replay, pairs, strip
from benchmarks.measure import Figure
from engine.calendar import window_condition
from engine.cedar import condition_text, statement_text
from engine.decide import PolicyEngine, Request
from engine.explain import Explainer
from protocol.records import (
    AssignmentRecord,
    EntityRef,
    Head,
    PolicyRecord,
    PrincipalRecord,
    Record,
    ResourceRecord,
    RoleRecord,
    Statement,
    WindowRecord,
    principal_id,
)
from protocol.zones import zone_transitions

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
USERS, RESOURCES, ACTIONS = 1_000, 500, 50
ROLES, SITES, POLICIES = 100, 25, 1_000
LOGGED = 100_000
ZONE = "Europe/Berlin"
HOURS = WindowRecord("hours", "Hours", ZONE, (1, 2, 3, 4, 5), 480, 1080)
ZONES = {ZONE: zone_transitions(ZONE, int(NOW.timestamp()))}


def state() -> list[Record]:
    """Return a tenant whose people hold three roles each, one of them at one site."""
    rng = random.Random(7)  # noqa: S311  # repeatable, not secret
    found: list[Record] = [HOURS, *(_policy(n, rng) for n in range(POLICIES))]
    found += [RoleRecord(f"role-{n}", f"Role {n}", "operator") for n in range(ROLES)]
    sites = [EntityRef("ResourceGroup", f"site-{n}") for n in range(SITES)]
    found += [ResourceRecord(principal_id(site), site, {}) for site in sites]
    for number in range(RESOURCES):
        node = EntityRef("Node", f"node-{number}")
        group = sites[number % SITES]
        found.append(ResourceRecord(principal_id(node), node, {}, (group,)))
    for number in range(USERS):
        user = EntityRef("User", f"user-{number:04}")
        found.append(PrincipalRecord(principal_id(user), user, {}))
        for turn in range(3):
            scope = rng.choice(sites) if turn == 0 else None
            role = f"role-{rng.randrange(ROLES)}"
            found.append(AssignmentRecord(f"a-{number}-{turn}", user, role, scope))
    return found


def _policy(number: int, rng: random.Random) -> PolicyRecord:
    site = f"site-{rng.randrange(SITES)}"
    heads = (
        Head("in", "Role", f"role-{rng.randrange(ROLES)}"),
        Head("==", id=f"action-{number % ACTIONS}"),
        Head("is_in", "Node", in_type="ResourceGroup", in_id=site),
    )
    conditions = [condition_text("mfa", ">=", 2)] if number % 3 else []
    if number % 5 == 0:
        conditions.append(window_condition(HOURS))
    effect = "forbid" if number % 17 == 0 else "permit"
    return policy(f"policy-{number}", heads, conditions, effect)


def policy(
    ident: str,
    heads: tuple[Head, Head, Head],
    conditions: list[str],
    effect: str = "permit",
) -> PolicyRecord:
    """Return a policy with one statement."""
    text = statement_text(f"{ident}#0", effect, heads, conditions)
    statement = Statement(f"{ident}#0", text, *heads)
    return PolicyRecord(ident, ident, 1, effect, "operator", (statement,), "change")


def changes() -> dict[str, list[Record]]:
    """Return what is compared with the state, by what changes."""
    records = state()
    wide = policy(
        "wide", (Head("in", "Role", "role-1"), Head(), Head("is", "Node")), []
    )
    ended = [r for r in records if r.key != ("assignment", "a-1-1")]
    return {
        "one policy for a role on all nodes": [*records, wide],
        "one assignment, so that all is compared": ended,
    }


def run(rounds: int) -> Iterator[Figure]:
    """Measure comparing, replaying and simulating."""
    before = state()
    size = f"{USERS} people x {RESOURCES} resources x {ACTIONS} actions"
    for title, after in changes().items():
        yield _comparing(f"impact of {title}, {size}", before, after)
        yield _replaying(f"replay of {LOGGED} decisions against {title}", before, after)
    yield from _simulating(before, rounds)


def _engine(records: list[Record]) -> PolicyEngine:
    return PolicyEngine.from_records(records, ZONES)


def _comparing(name: str, before: list[Record], after: list[Record]) -> Figure:
    started = time.process_time()
    levels = [Levels(_engine(records), NOW) for records in (before, after)]
    found = Matrix(levels[0], levels[1], pairs(before, after)).difference()
    took = (time.process_time() - started) * 1000
    note = (
        f"{found.asked:,} of {found.total:,} cells compared, "
        f"{sum(shift.count for shift in found.shifts):,} differ"
    )
    return Figure(name, took, "", 0.0, note)


def _replaying(name: str, before: list[Record], after: list[Record]) -> Figure:
    rng = random.Random(11)  # noqa: S311  # repeatable, not secret
    engine = _engine(before)
    rows = []
    for _ in range(LOGGED):
        asked = Request(
            EntityRef("User", f"user-{rng.randrange(USERS):04}"),
            f"action-{rng.randrange(ACTIONS)}",
            EntityRef("Node", f"node-{rng.randrange(RESOURCES)}"),
            NOW,
        )
        allowed = bool(engine.candidates(engine.place(asked)))
        rows.append(Logged(asked.principal, asked.action, asked.resource, NOW, allowed))
    # What one core does, whatever else the machine has to do.
    started = time.process_time()
    found = Replay((before, ZONES), (after, ZONES)).run(rows)
    took = time.process_time() - started
    note = f"{LOGGED / took:,.0f} a second; {found.asked:,} at their own time"
    return Figure(name, took * 1000, "", 0.0, note)


def _simulating(records: list[Record], rounds: int) -> Iterator[Figure]:
    asked = Request(
        EntityRef("User", "user-0001"),
        "action-5",
        EntityRef("Node", "node-1"),
        NOW,
        {"mfa": 3},
    )
    started = time.perf_counter()
    engine = _engine(records)
    building = (time.perf_counter() - started) * 1000
    yield Figure("building what a simulation asks", building, "", 0.0)
    explainer = Explainer(engine, records)
    for days in (1, 7):
        took = []
        for number in range(rounds):
            question = replace(asked, action=f"action-{number % ACTIONS}")
            started = time.perf_counter()
            explainer.explain(question)
            end = NOW + dt.timedelta(days=days)
            strip(engine, question, start=NOW, end=end)
            took.append((time.perf_counter() - started) * 1000)
        took.sort()
        name = f"verdict, explanation and strip of {days} d, median"
        yield Figure(name, took[len(took) // 2], "slowest", took[-1])
