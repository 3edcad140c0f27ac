"""How long a published change takes to the last agent, on real processes.

The clock starts when the transaction of the change has committed: relay, build, two
signatures, wake-up, transfer and, for the real agents, verification and swap follow.
The baseline is one bare NOTIFY of the same database in the same run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import psycopg
import urllib3

from benchmarks.measure import Figure, median
from tests.journeys.running import RunningPortal

CLIENTS = 100
_DEADLINE = 60.0


def run(portal: RunningPortal, rounds: int) -> Iterator[Figure]:
    """Measure with the three agents of the product; then add 100 polls."""
    from benchmarks.fleet import Polls, change  # noqa: PLC0415  # needs Django

    bare = median([_bare_notify() for _ in range(20)])
    lasts = []
    for number in range(rounds):
        revision = change(f"bench-{number}")
        lasts.append(_until_all_agents(portal, revision))
    for name, value in (("median", median(lasts)), ("worst", max(lasts))):
        yield Figure(
            f"publish → last of 3 agents, {name} of {rounds}",
            value,
            "one bare NOTIFY",
            bare,
        )
    with Polls(portal, CLIENTS) as polls:
        firsts, lasts = [], []
        for number in range(rounds):
            polls.await_parked()
            polls.forget_round()
            change(f"bench-many-{number}")
            polls.start_clock()
            first, last = polls.await_round(_DEADLINE)
            firsts.append(first)
            lasts.append(last)
    yield Figure(
        f"publish → first of {CLIENTS} polls, median of {rounds}",
        median(firsts),
        "one bare NOTIFY",
        bare,
    )
    for name, value in (("median", median(lasts)), ("worst", max(lasts))):
        yield Figure(
            f"publish → last of {CLIENTS} polls, {name} of {rounds}",
            value,
            "one bare NOTIFY",
            bare,
        )


def _until_all_agents(portal: RunningPortal, revision: object) -> float:
    """Return the milliseconds until every agent enforces a newer revision."""
    started = time.perf_counter()
    http = urllib3.PoolManager()
    ports = list(range(portal.agent_port, portal.agent_port + 3))
    pause = threading.Event()
    while time.perf_counter() - started < _DEADLINE:
        found = [
            http.request("GET", f"http://127.0.0.1:{port}/status").json()["revision"]
            for port in ports
        ]
        if all(held is not None and held > revision for held in found):
            return (time.perf_counter() - started) * 1000
        pause.wait(0.005)
    raise TimeoutError("the agents did not follow in time")


def _bare_notify() -> float:
    from portal.database import connection_parameters  # noqa: PLC0415  # needs Django

    parameters = connection_parameters()
    with (
        psycopg.connect(**parameters, autocommit=True) as listener,
        psycopg.connect(**parameters, autocommit=True) as speaker,
    ):
        listener.execute("LISTEN portward_bench")
        started = time.perf_counter()
        speaker.execute("NOTIFY portward_bench")
        for _ in listener.notifies(timeout=5, stop_after=1):
            pass
        return (time.perf_counter() - started) * 1000
