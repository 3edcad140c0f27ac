"""How long "who" and "what" take by index, against deciding every pair."""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Iterator, Sequence

from benchmarks.measure import Figure, median, percentile
from benchmarks.world import ACTIONS, SITES
from engine.cedar import condition_text, statement_text
from engine.decide import PolicyEngine, Request
from engine.explain import Explainer
from engine.search import Query, Searcher, Sought
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
    principal_id,
)

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
EVERYTHING = 10**9
ROLES = 400


def state(policies: int, people: int) -> list[Record]:
    """Return a state with so many policies, and so many people with two roles each."""
    rng = random.Random(5)  # noqa: S311  # repeatable, not secret
    found: list[Record] = [_policy(number, rng) for number in range(policies)]
    found += [RoleRecord(f"role-{n}", f"Role {n}", "operator") for n in range(ROLES)]
    for number in range(people):
        user = EntityRef("User", f"user-{number:05}")
        found.append(PrincipalRecord(principal_id(user), user, {}))
        for turn in range(2):
            role = f"role-{rng.randrange(ROLES)}"
            found.append(AssignmentRecord(f"a-{number}-{turn}", user, role))
    for number in range(SITES):
        site = EntityRef("ResourceGroup", f"site-{number}")
        node = EntityRef("Node", f"node-{number}")
        found.append(ResourceRecord(principal_id(site), site, {}))
        found.append(ResourceRecord(principal_id(node), node, {}, (site,)))
    return found


def _policy(number: int, rng: random.Random) -> PolicyRecord:
    heads = (
        Head("in", "Role", f"role-{rng.randrange(ROLES)}"),
        Head("==", id=rng.choice(ACTIONS)),
        Head("in", "ResourceGroup", f"site-{rng.randrange(SITES)}"),
    )
    ident = f"policy-{number}"
    effect = "forbid" if number % 17 == 0 else "permit"
    condition = condition_text("risk", "<", 50 + rng.randrange(40))
    text = statement_text(f"{ident}#0", effect, heads, (condition,))
    statement = Statement(f"{ident}#0", text, *heads)
    return PolicyRecord(ident, ident, 1, effect, "operator", (statement,), "change")


def run(sizes: Sequence[tuple[int, int]], rounds: int) -> Iterator[Figure]:
    """Measure searches at several sizes; results must be those of every pair."""
    for policies, people in sizes:
        found = state(policies, people)
        searcher = Searcher(PolicyEngine.from_records(found, {}))
        # One of its own, so that neither finds what the other has parsed.
        engine = PolicyEngine.from_records(found, {})
        yield _building(searcher, policies, people)
        users = sorted(e.id for e in engine.entities.principals)
        nodes = [f"node-{number}" for number in range(SITES)]
        size = f"{policies} policies, {people} people"
        for sought, names in ((Sought.SUBJECT, users), (Sought.RESOURCE, nodes)):
            yield _search(searcher, engine, sought, names, size, rounds)
        yield _explaining(Explainer(engine, found), engine, size, rounds)


def _building(searcher: Searcher, policies: int, people: int) -> Figure:
    started = time.perf_counter()
    searcher.warm()
    took = (time.perf_counter() - started) * 1000
    name = f"search indexes, {policies} policies, {people} people"
    return Figure(name, took, "once for each release", took)


def _search(
    searcher: Searcher,
    engine: PolicyEngine,
    sought: Sought,
    names: Sequence[str],
    size: str,
    rounds: int,
) -> Figure:
    ours, theirs, counts = [], [], []
    for number in range(rounds):
        query = Query(sought, _question(number))
        started = time.perf_counter()
        found = searcher.find(query, limit=EVERYTHING, budget=EVERYTHING)
        middle = time.perf_counter()
        expected = [n for n in names if engine.decide(query.filled(n)).allowed]
        ended = time.perf_counter()
        if sorted(expected) != list(found.names):
            raise AssertionError(f"the search disagrees on {query}")
        ours.append((middle - started) * 1000)
        theirs.append((ended - middle) * 1000)
        counts.append(found.examined)
    word = "who" if sought is Sought.SUBJECT else "what"
    note = f"{sum(counts) / len(counts):.0f} of {len(names)} candidates on average"
    return Figure(
        f"{word}, {size}, median",
        median(ours),
        "deciding each pair",
        median(theirs),
        note,
    )


def _explaining(
    explainer: Explainer, engine: PolicyEngine, size: str, rounds: int
) -> Figure:
    ours, theirs = [], []
    for number in range(rounds):
        question = _question(number)
        started = time.perf_counter()
        engine.decide(question)
        middle = time.perf_counter()
        explainer.explain(question)
        theirs.append((middle - started) * 1000)
        ours.append((time.perf_counter() - middle) * 1000)
    return Figure(
        f"why, {size}, p99", percentile(ours, 0.99), "one decision", median(theirs)
    )


def _question(number: int) -> Request:
    return Request(
        EntityRef("User", f"user-{number * 17 % 200:05}"),
        ACTIONS[number % len(ACTIONS)],
        EntityRef("Node", f"node-{number * 7 % SITES}"),
        NOW,
        {"risk": number * 11 % 100},
    )
