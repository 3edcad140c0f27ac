"""What is revoked is denied at every agent, and what expires is dead at its instant.

Three agents in this process, the portal's own edge over HTTP, PostgreSQL, and the two
threads of the worker that hear of urgent messages and deliver them.
"""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connections
from django.utils import timezone
from typing_extensions import override

from apps.accounts.services import actor_for, settle_refusals
from apps.bundles.models import Release
from apps.elevations import services as elevations
from apps.elevations.models import Elevation
from apps.keys.tasks import ensure_tenant_keys
from apps.outbox import services as outbox
from apps.policies.services import save_draft
from apps.roles import services as roles
from apps.roles.rules import EntrySpec
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from engine.decide import Request
from node_agent.backoff import Backoff
from node_agent.config import Identity, StatePaths, create_key, write_durably
from node_agent.content import STATE_PATH
from node_agent.link import Edge as EdgeLink
from node_agent.report import Reporter, ReportSigner
from node_agent.state import AgentState
from node_agent.sync import StatusFile, SyncLoop
from portal.listener import OutboxListener, UrgentRelay
from protocol.records import EntityRef
from tests.factories.approvals import CONTENT, People, Person, make_request
from tests.factories.bundles import SYSTEM, newest
from tests.factories.elevations import (
    ask,
    build_roles,
    make_principal,
    offer,
    request_of,
)
from tests.portal.served_edge import (
    ClosingStore,
    Served,
    eventually,
    token_for,
)

pytestmark = pytest.mark.django_db(transaction=True)
MIA = EntityRef("User", "mia")
SHOP = EntityRef("Namespace", "shop")
AGENTS = 3
# Generous: what is tested is that it happens, and `make bench` says how fast.
PROPAGATION = 30


class Agent:
    """An enrolled agent with its own folder, connections and threads."""

    def __init__(self, folder: Path, url: str, tenant: Tenant, name: str) -> None:
        self.paths = StatePaths(folder / name)
        self.paths.create()
        key = create_key(self.paths)
        found = EdgeLink(url).enroll(
            tenant=str(tenant.pk), token=token_for(tenant, name), name=name, key=key
        )
        write_durably(self.paths.root, found.root)
        identity = Identity(found.tenant, found.node, name, url, floor=0)
        links = [EdgeLink(url, identity=identity, key=key) for _ in range(2)]
        quick = Backoff(uniform=lambda _low, _high: 0.01)
        self.state = AgentState(self.paths, identity, scratch=self.paths.bundle)
        self.reporter = Reporter(ReportSigner(identity, key), links[0], backoff=quick)
        self.loop = SyncLoop(
            state=self.state,
            edge=links[1],
            reporter=self.reporter,
            status=StatusFile(self.paths),
            wait=1,
            backoff=quick,
        )

    def permits(self, now: dt.datetime | None = None) -> bool:
        """Say whether Mia may deploy the shop, by this agent's own engine."""
        request = Request(
            principal=MIA, action="deploy", resource=SHOP, now=now or timezone.now()
        )
        return self.state.decide(request, self.state.active).allowed

    @contextmanager
    def running(self) -> Iterator[None]:
        works = (self.loop.run, self.reporter.run)
        threads = [threading.Thread(target=work) for work in works]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.loop.stopping.set()
            self.reporter.stop()
            for thread in threads:
                thread.join()


class ClosingRelay(UrgentRelay):
    """A relay whose thread gives its connections back when it ends."""

    @override
    def run(self) -> None:
        try:
            super().run()
        finally:
            connections.close_all()


@dataclass
class World:
    """A tenant in which Mia may ask to be a developer, and three agents."""

    tenant: Tenant
    people: People
    mia: Person
    agents: list[Agent]

    def permitting(self, now: dt.datetime | None = None) -> int:
        """Return how many agents would let Mia deploy."""
        return sum(agent.permits(now) for agent in self.agents)

    def elevate(self) -> Elevation:
        """Let Mia ask, Anna approve, and Mia activate."""
        with tenant_scope(self.tenant.pk):
            row = ask(self.mia, offer(self.mia.user.principals.get()))
            self.people("anna").vote(request_of(row))
            return elevations.activate(
                actor=actor_for(self.mia.user),
                elevation_id=row.pk,
                now=timezone.now(),
            )

    def end(self, row: Elevation) -> None:
        with tenant_scope(self.tenant.pk):
            elevations.end(
                actor=actor_for(self.mia.user),
                elevation_id=row.pk,
                reason="Done.",
                now=timezone.now(),
            )

    def revisions(self) -> set[int | None]:
        return {
            a.state.active.revision if a.state.active else None for a in self.agents
        }


@pytest.fixture
def people(tenant: Tenant, tmp_path: Path) -> Iterator[People]:
    found = People(tenant, tmp_path / "keys")
    (tmp_path / "keys").mkdir()
    yield found
    settle_refusals()


@pytest.fixture
def ready(tenant: Tenant, people: People) -> Person:
    """Return Mia, in a tenant whose developers may deploy, and whose release is out."""
    with tenant_scope(tenant.pk):
        build_roles()
        for name in ("anna", "ben"):
            people(name)
        mia = people("mia", "member")
        make_principal(mia)
        for number in range(20):
            other = EntityRef("User", f"other-{number}")
            roles.save_principal(actor=SYSTEM, spec=EntrySpec(other))
        author = people("ada", "security_admin").user
        content = {"principals", "actions", "resources", "effect", "tier", "owner"}
        draft = save_draft(
            actor=actor_for(author),
            policy_id=None,
            content={k: CONTENT[k] for k in content} | {"name": "Developers deploy"},
            expected_lock=None,
        )
        request = make_request(author, draft.pk)
        for name in ("anna", "ben"):
            request.refresh_from_db()
            if request.state == "open":
                people(name).vote(request)
    ensure_tenant_keys(actor=SYSTEM, tenant_id=tenant.pk)
    outbox.drain()
    return mia


@pytest.fixture
def world(
    tenant: Tenant,
    people: People,
    ready: Person,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    monkeypatch.setattr("portal.edge.application.Store", ClosingStore)
    served = Served()
    served.start()
    relay = ClosingRelay()
    listener = OutboxListener(lambda: None, relay.wake)
    agents = [
        Agent(tmp_path, served.url, tenant, f"node-{number}")
        for number in range(AGENTS)
    ]
    with ExitStack() as stack:
        stack.callback(served.stop)
        for thread in (relay, listener):
            thread.start()
            stack.callback(thread.join, 10)
            stack.callback(thread.stop)
        for agent in agents:
            stack.enter_context(agent.running())
        found = World(tenant, people, ready, agents)
        within(lambda: None not in found.revisions(), "the first release")
        yield found


def within(condition: Callable[[], bool], _what: str) -> None:
    eventually(condition, PROPAGATION)


def cause(tenant: Tenant) -> tuple[str, str]:
    found = newest(tenant).cause
    return found["act"], found["lane"]


def test_what_is_revoked_is_denied_at_every_agent(world: World) -> None:
    assert world.permitting() == 0
    row = world.elevate()
    within(lambda: world.permitting() == AGENTS, "the grant")
    assert cause(world.tenant) == ("assignment.created", "urgent")
    world.end(row)
    within(lambda: world.permitting() == 0, "the revocation")
    assert cause(world.tenant) == ("assignment.revoked", "urgent")
    # It is the release that denies, not the clock: the elevation would still run.
    assert row.ends_at is not None
    assert timezone.now() < row.ends_at
    assert world.revisions() == {newest(world.tenant).revision}
    # Both came as deltas, and a restart of any agent denies as well.
    for agent in world.agents:
        within((agent.paths.current / STATE_PATH).exists, "the storing")


def test_a_revocation_does_not_wait_for_a_long_delivery(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = world.elevate()
    within(lambda: world.permitting() == AGENTS, "the grant")
    has_begun, may_end = threading.Event(), threading.Event()

    def long(_envelope: outbox.MessageEnvelope) -> None:
        has_begun.set()
        may_end.wait(PROPAGATION)

    def relay() -> None:
        try:
            outbox.drain()
        finally:
            connections.close_all()

    monkeypatch.setitem(outbox._handlers, "tests.long", long)
    with tenant_scope(world.tenant.pk):
        outbox.enqueue(topic="tests.long", payload={})
    usual = threading.Thread(target=relay)
    usual.start()
    try:
        assert has_begun.wait(PROPAGATION)
        world.end(row)
        within(lambda: world.permitting() == 0, "the revocation")
        assert usual.is_alive()
    finally:
        may_end.set()
        usual.join()


def test_an_elevation_is_dead_at_its_end_instant_without_any_release(
    world: World,
) -> None:
    row = world.elevate()
    within(lambda: world.permitting() == AGENTS, "the grant")
    before = released(world.tenant)
    assert row.ends_at is not None
    # Records say instants to the second, so the end is never late.
    end = row.ends_at.replace(microsecond=0)
    assert world.permitting(end - dt.timedelta(microseconds=1)) == AGENTS
    assert world.permitting(end) == 0
    assert released(world.tenant) == before


def released(tenant: Tenant) -> list[uuid.UUID]:
    with tenant_scope(tenant.pk):
        return list(Release.objects.values_list("pk", flat=True))
