"""What a release costs with many policies: compiling, storing and signing it.

While it is stored a tenant's releases are locked, so that transaction has to be short
even in a worker that has just started and has read no statement yet. The baseline of it
is the same transaction with compiling inside, as it was before.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from benchmarks.bundles import careless
from benchmarks.measure import Figure, median
from benchmarks.world import records
from engine.exports import flatten
from engine.exports.opa import opa_content
from protocol.canonical import canonical_bytes
from protocol.delta import State
from protocol.records import Record, RoleRecord
from tests.journeys.running import RunningPortal

if TYPE_CHECKING:
    from apps.bundles.models import Release

T = TypeVar("T")
POLICIES = 5_000


def run(portal: RunningPortal, rounds: int) -> Iterator[Figure]:
    """Measure in a tenant made for it."""
    del portal
    from apps.audit.events import Actor  # noqa: PLC0415  # needs Django
    from apps.keys.tasks import ensure_tenant_keys  # noqa: PLC0415  # needs Django
    from apps.tenants.services import create_tenant  # noqa: PLC0415  # needs Django

    actor = Actor.command("benchmarks")
    slug = f"bench-{uuid.uuid4().hex[:8]}"
    tenant = create_tenant(actor=actor, slug=slug, name="Benchmark")
    ensure_tenant_keys(actor=actor, tenant_id=tenant.pk)
    yield from measure(tenant.pk, rounds, POLICIES)


def measure(tenant_id: uuid.UUID, rounds: int, size: int) -> Iterator[Figure]:
    """Measure in a tenant with keys whose scope is not open."""
    from apps.bundles import handlers  # noqa: PLC0415  # needs Django

    state = records(size)
    base = median([cpu(lambda: careless(state))[0] for _ in range(rounds)])

    def figure(name: str, values: Sequence[float], note: str = "") -> Figure:
        named = f"{name}, {size} policies, processor time"
        return Figure(named, median(values), "records as gzipped JSON", base, note)

    yield from _compiling(state, rounds, figure)
    signing: list[float] = []
    after: list[float] = []
    before: list[float] = []
    for number in range(rounds):
        for times, inside in ((before, True), (after, False)):
            changed = [*state, RoleRecord("r", f"{number} {inside}", "operator")]
            spent, release = _store(tenant_id, changed, compile_inside=inside)
            times.append(spent)
            signing.append(cpu(lambda: handlers.sign_once(tenant_id, release.pk))[0])  # noqa: B023
    yield figure("signing and storing signatures", signing, "OPA and TUF, verified")
    yield Figure(
        f"release transaction of a new worker, {size} policies, median",
        median(after),
        "compiling inside it",
        median(before),
        "elapsed, commit included",
    )


def _compiling(
    state: Sequence[Record],
    rounds: int,
    figure: Callable[[str, Sequence[float], str], Figure],
) -> Iterator[Figure]:
    cold, warm, written = [], [], []
    for _ in range(rounds):
        flatten.forget_statements()
        cold.append(cpu(lambda: flatten.flatten(state, {}))[0])
        spent, content = cpu(lambda: opa_content(state, {}))
        warm.append(spent)
        written.append(cpu(lambda: canonical_bytes(content.data))[0])  # noqa: B023
    yield figure("flattening for Rego, first time in a process", cold, "")
    yield figure("flattening for Rego, statements known", warm, "")
    yield figure("writing the data for Rego", written, "")
    digests = [cpu(lambda: State.of(state))[0] for _ in range(rounds)]
    yield figure("digests of all records", digests, "")


def _store(
    tenant_id: uuid.UUID, state: list[Record], *, compile_inside: bool
) -> tuple[float, Release]:
    """Store a release in a worker without a memory; return how long it locked."""
    from django.utils import timezone  # noqa: PLC0415  # needs Django

    from apps.bundles import (  # noqa: PLC0415  # needs Django
        handlers,
        selectors,
        services,
    )
    from apps.tenants.services import tenant_scope  # noqa: PLC0415  # needs Django

    with tenant_scope(tenant_id):
        live = selectors.LiveState(state, [], selectors.standing())
    now = timezone.now()
    flatten.forget_statements()
    draft = None
    if not compile_inside:
        draft = selectors.draft_of(tenant_id, live, now=now)
    started = time.perf_counter()
    with tenant_scope(tenant_id):
        if compile_inside:
            draft = selectors.draft_of(tenant_id, live, now=now)
        release = services.build_release(
            actor=handlers.ACTOR, live=live, draft=draft, now=now
        )
    if release is None:
        raise RuntimeError("a changed state is always released")
    return (time.perf_counter() - started) * 1000, release


def cpu(work: Callable[[], T]) -> tuple[float, T]:
    """Return the processor time of this process in milliseconds, and the result."""
    started = time.process_time()
    found = work()
    return (time.process_time() - started) * 1000, found
