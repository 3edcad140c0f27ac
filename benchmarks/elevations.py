"""From the click that grants or ends access to the last agent that enforces it.

The clock starts when the transaction has committed. Relay, build, signatures, wake-up,
transfer, verification and swap follow; it stops for an agent when its own engine gives
the other answer. All agents share one process here, so the last of them waits for the
others' verification, which agents on machines of their own would not.

Baselines of the same run: an empty answer of the same edge, and the same rounds with
agents that take no deltas.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.measure import Figure, median, percentile
from tests.journeys.running import RunningPortal

AGENTS = 100
PEOPLE = 1_000


def run(portal: RunningPortal, rounds: int) -> Iterator[Figure]:
    """Measure grants and revocations, by delta and by snapshot."""
    from benchmarks.enforcers import (  # noqa: PLC0415  # needs Django
        CountingEdge,
        Enforcers,
        Grants,
    )

    grants = Grants(PEOPLE)
    taken: dict[tuple[str, bool], list[list[float]]] = {}

    def once(agents: Enforcers, *, deltas: bool) -> None:
        ident = grants.approve()
        for act, change, allowed in (
            ("activate", grants.activate, True),
            ("revoke", grants.end, False),
        ):
            times = agents.measure(partial(change, ident), allowed=allowed)
            taken.setdefault((act, deltas), []).append(times)

    with (
        tempfile.TemporaryDirectory(prefix="portward-agents-") as folder,
        Enforcers(portal, Path(folder), AGENTS) as agents,
    ):
        agents.await_same()
        empty = median([agents.round_trip() for _ in range(20)])
        for deltas in (True, False):
            CountingEdge.takes_deltas = deltas
            # Polls that are parked still ask for what they asked for.
            once(agents, deltas=deltas)
            for act in ("activate", "revoke"):
                taken[act, deltas].clear()
            for _ in range(rounds):
                once(agents, deltas=deltas)
        whole, small = (median(sizes) for sizes in CountingEdge.sizes)
    note = f"{rounds} rounds; snapshot of {PEOPLE} people"
    for act in ("activate", "revoke"):
        times = [t for found in taken[act, True] for t in found]
        snapshots = [t for found in taken[act, False] for t in found]
        for name, share in (("p50", 0.5), ("p99", 0.99)):
            value = percentile(times, share)
            label = f"{act} → enforced, {name} of {AGENTS} agents"
            yield Figure(label, value, "empty answer of the edge", empty, note)
            yield Figure(label, value, "by snapshot", percentile(snapshots, share))
        yield Figure(
            f"{act} → enforced, last of {AGENTS}, median",
            median([max(found) for found in taken[act, True]]),
            "by snapshot",
            median([max(found) for found in taken[act, False]]),
            f"worst {max(times):.0f} ms",
        )
    yield Figure("delta on the wire (bytes, not ms)", small, "snapshot", whole)
