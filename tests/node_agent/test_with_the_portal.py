"""The agent against the portal's own edge: enroll, follow, report, be revoked."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from django.db import connections
from tuf.api.metadata import Metadata, Timestamp
from typing_extensions import override

from apps.audit.events import Actor
from apps.bundles.tasks import refresh_timestamp
from apps.distribution.models import NodeReport
from apps.keys.tasks import ensure_tenant_keys
from apps.nodes import services as nodes
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from node_agent.__main__ import Exit, main
from node_agent.backoff import Backoff
from node_agent.config import Identity, StatePaths, load_key
from node_agent.link import Edge as EdgeLink
from node_agent.report import Reporter, ReportSigner
from node_agent.state import AgentState
from node_agent.sync import StatusFile, SyncLoop
from portal.edge.application import Edge
from portal.edge.store import Store
from tests.factories.bundles import newest, release_of

ACTOR = Actor.command("tests")
pytestmark = pytest.mark.django_db(transaction=True)


class ClosingStore(Store):
    """A store whose thread gives its connections back when it ends."""

    @override
    def close(self) -> None:
        for thread in self.threads:
            thread.submit(connections.close_all).result()
        super().close()


def eventually(condition: Callable[[], bool], what: str) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if condition():
            return
        pause.wait(0.01)
    pytest.fail(f"{what} did not happen")


@pytest.fixture
def edge_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve the portal's edge on a free port."""
    monkeypatch.setattr("portal.edge.application.Store", ClosingStore)
    edge = Edge()
    config = uvicorn.Config(
        edge, host="127.0.0.1", port=0, lifespan="on", log_level="error"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started and edge.hub.is_listening, "the start")
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def released(tenant: Tenant) -> Tenant:
    """Return a tenant with a first release."""
    ensure_tenant_keys(actor=ACTOR, tenant_id=tenant.pk)
    release_of(tenant, "first")
    return tenant


class Agent:
    """An enrolled agent, without its server."""

    def __init__(self, folder: Path, edge_url: str, tenant: Tenant) -> None:
        with tenant_scope(tenant.pk):
            token = nodes.create_join_token(actor=ACTOR, node_name="web-1")
        code = main(
            [
                *("enroll", "--state", str(folder), "--edge", edge_url),
                *("--tenant", str(tenant.pk), "--name", "web-1", "--token", token),
            ]
        )
        assert code == Exit.DONE
        self.paths = paths = StatePaths(folder)
        self.identity = Identity.load(paths)
        key = load_key(paths)
        links = [EdgeLink(edge_url, identity=self.identity, key=key) for _ in range(2)]
        quick = Backoff(uniform=lambda _low, _high: 0.01)
        self.state = AgentState(paths, self.identity, scratch=paths.bundle)
        self.status = StatusFile(paths)
        signer = ReportSigner(self.identity, key)
        self.reporter = Reporter(signer, links[0], backoff=quick)
        self.loop = SyncLoop(
            state=self.state,
            edge=links[1],
            reporter=self.reporter,
            status=self.status,
            wait=1,
            backoff=quick,
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [
            threading.Thread(target=work) for work in (self.loop.run, self.reporter.run)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.loop.stopping.set()
            self.reporter.stop()
            for thread in threads:
                thread.join()


@pytest.fixture
def agent(tmp_path: Path, edge_url: str, released: Tenant) -> Agent:
    """Return an agent that enrolled at the portal."""
    return Agent(tmp_path / "node", edge_url, released)


def reported(tenant: Tenant, revision: int) -> bool:
    with tenant_scope(tenant.pk):
        return NodeReport.objects.filter(revision=revision, counter__gt=0).exists()


def test_an_agent_follows_the_portal_and_says_so(
    agent: Agent, released: Tenant
) -> None:
    with agent.running():
        eventually(lambda: reported(released, 1), "the first report")
        release_of(released, "second")
        eventually(lambda: reported(released, 2), "the second report")
        expected = newest(released)
        assert agent.state.active is not None
        assert agent.state.active.fingerprint == expected.state_digest
        eventually(
            lambda: agent.status.values()["last_contact"] is not None, "a contact"
        )
    with tenant_scope(released.pk):
        row = NodeReport.objects.get()
    assert row.fingerprint == expected.state_digest
    assert row.error == ""
    assert row.received_at is not None
    assert row.lag_ms is not None


def test_a_refreshed_timestamp_reaches_the_agent(
    agent: Agent, released: Tenant
) -> None:
    stored = agent.paths.current / "tuf" / "timestamp.json"

    def version() -> int:
        return Metadata[Timestamp].from_bytes(stored.read_bytes()).signed.version

    agent.loop.step()
    first = version()
    refresh_timestamp(released.pk)
    with agent.running():
        eventually(lambda: version() > first, "a fresher timestamp")
    assert agent.status.values()["last_error"] is None
    assert agent.state.active is not None
    assert agent.state.active.revision == 1


def test_a_revoked_node_is_told_so(agent: Agent, released: Tenant) -> None:
    agent.loop.step()
    with tenant_scope(released.pk):
        nodes.revoke_node(actor=ACTOR, node_id=uuid.UUID(agent.identity.node))

    def refused() -> bool:
        agent.loop.step()
        error = agent.status.values()["last_error"]
        return error is not None and error["code"] == "agent.edge_refused"

    eventually(refused, "the refusal")
    # It goes on with what it holds, until that grows stale.
    assert agent.state.active is not None
