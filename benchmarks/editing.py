"""How long the editor waits for the portal, in a tenant with many policies and things.

A keystroke asks for the sentence and Cedar of what is typed; a save validates, compiles
and writes it. The baseline reads the whole catalogue first, as both did before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from benchmarks.measure import Figure, median, milliseconds, percentile
from tests.journeys.running import RunningPortal

if TYPE_CHECKING:
    from apps.policies.models import Policy

POLICIES, RESOURCES = 10_000, 10_000
_BATCH = 2_000


def run(portal: RunningPortal, rounds: int) -> Iterator[Figure]:
    """Measure in the demo's first tenant."""
    del portal
    from apps.tenants.models import Tenant  # noqa: PLC0415  # needs Django
    from apps.tenants.services import tenant_scope  # noqa: PLC0415  # needs Django

    with tenant_scope(Tenant.objects.get(slug="acme").pk):
        yield from measure(rounds, POLICIES, RESOURCES)


def measure(rounds: int, policies: int, resources: int) -> Iterator[Figure]:
    """Measure in the tenant whose scope is open, which has at least one policy."""
    from apps.policies import selectors  # noqa: PLC0415  # needs Django
    from apps.policies.rules import Pick  # noqa: PLC0415  # needs Django

    model = selectors.policies()[0]
    content = dict(model.draft.content)
    _fill(model, policies, resources)
    size = f"{policies} policies, {resources} resources"
    whole = median(milliseconds(selectors.catalogue, 3))

    def figure(name: str, work: Callable[[], object]) -> Figure:
        work()
        started = time.process_time()
        times = milliseconds(work, rounds)
        busy = (time.process_time() - started) * 1000 / rounds
        note = f"median {median(times):.1f}; {busy:.1f} of this process's own time"
        value = percentile(times, 0.95)
        return Figure(f"{name}, {size}, p95", value, "whole catalogue", whole, note)

    yield figure("sentence and Cedar", lambda: selectors.preview(content, model.slug))
    yield figure("save a draft", lambda: _save(model, content))
    yield figure(
        "find a resource", lambda: selectors.find_choices(Pick.RESOURCES, "bench 99")
    )
    yield figure("a page of the list", lambda: list(selectors.policies()[:50]))


def _save(model: Policy, content: dict[str, Any]) -> None:
    from apps.audit.events import Actor  # noqa: PLC0415  # needs Django
    from apps.policies import services  # noqa: PLC0415  # needs Django

    services.save_draft(
        actor=Actor.system("benchmark"),
        policy_id=model.pk,
        content=content | {"description": f"Saved at {time.perf_counter()}"},
        expected_lock=None,
    )


def _fill(model: Policy, policies: int, resources: int) -> None:
    """Copy one policy and register things, past the services: they are only bulk."""
    from apps.policies.models import Policy, PolicyDraft  # noqa: PLC0415  # needs Django
    from apps.roles.models import Resource  # noqa: PLC0415  # needs Django

    tenant, draft = model.tenant_id, model.draft
    kind = Resource.objects.exclude(type="ResourceGroup")[0].type
    copies = [
        Policy(tenant_id=tenant, slug=f"bench-{n}", name=f"Bench {n}")
        for n in range(policies)
    ]
    Policy.objects.bulk_create(copies, batch_size=_BATCH)
    PolicyDraft.objects.bulk_create(
        [
            PolicyDraft(
                tenant_id=tenant,
                policy=copy,
                content=draft.content,
                statements=draft.statements,
                digest=draft.digest,
                author_name="benchmark",
                last_editor_name="benchmark",
            )
            for copy in copies
        ],
        batch_size=_BATCH,
    )
    Resource.objects.bulk_create(
        [
            Resource(tenant_id=tenant, type=kind, key=f"bench-{n}", name=f"Bench {n}")
            for n in range(resources)
        ],
        batch_size=_BATCH,
    )
