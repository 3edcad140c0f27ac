"""How long the simulator lets somebody wait, asked over HTTP as a program asks it.

The tenant has many people and live policies. Each question decides, explains and says
when it is allowed over a day; a draft is asked beside what is live. The baseline is an
answer of the same portal to the same token that only lists its tenants.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks.measure import Figure, median, milliseconds, percentile
from tests.journeys.running import RunningPortal

PEOPLE, POLICIES = 1_000, 1_000
_DRAFT = "draft:developers-deploy-in-office-hours"


def run(portal: RunningPortal, rounds: int) -> Iterator[Figure]:
    """Measure in the demo's first tenant."""
    from benchmarks.asking import Asking  # noqa: PLC0415  # needs Django

    size = f"{PEOPLE} people, {POLICIES} policies"
    with Asking(portal.web_port, PEOPLE, POLICIES) as asking:
        asking.tenants()
        empty = median(milliseconds(asking.tenants, rounds))
        for name, against in (("what is live", "live"), ("a draft", _DRAFT)):
            ask = partial(asking.simulate, against)
            first = milliseconds(ask, 1)[0]
            times = milliseconds(ask, rounds)
            note = f"median {median(times):.1f}, first {first:.1f}"
            label = f"simulate {name} and a day of it, {size}, p95"
            yield Figure(label, percentile(times, 0.95), "own tenants", empty, note)
        after = [asking.after_change("live") for _ in range(min(rounds, 10))]
        label = f"simulate what is live, {size}, right after a change, median"
        yield Figure(label, median(after), "own tenants", empty)
