"""Kill -9 of a process of the running stack: the next release arrives all the same."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from portal.runtime.agents import LocalAgent, local_agents
from portal.runtime.layout import Layout
from portal.runtime.stack import answers
from tests.journeys.running import AGENTS, ROOT, RunningPortal, pids, read

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("journey")]

PATIENCE = 90.0
# What a process of the stack, and no other, has among its arguments.
ARGUMENTS = {
    "worker": "portal.celery:app",
    "web": "portal.wsgi:application",
    "edge": "portal.edge:app",
    "node-1": "agents/node-1",
}
CHANGE = """
from apps.audit.events import Actor
from apps.roles.rules import EntrySpec
from apps.roles.services import save_principal
from apps.tenants.selectors import tenant_by_slug
from apps.tenants.services import tenant_scope
from protocol.records import EntityRef

with tenant_scope(tenant_by_slug("acme").pk):
    spec = EntrySpec(EntityRef("User", "{name}"))
    save_principal(actor=Actor.command("tests"), spec=spec)
"""
NEWEST = """
SELECT revision, state_digest FROM bundles_release
JOIN tenants_tenant ON tenants_tenant.id = tenant_id
WHERE slug = 'acme' AND state = 'signed' ORDER BY revision DESC LIMIT 1
"""
UNSETTLED = "SELECT count(*) FROM outbox_outboxmessage WHERE state <> 'done'"


@dataclass(frozen=True)
class RunningStack:
    """A stack in its own processes, with what tests ask of it."""

    portal: RunningPortal
    agents: list[LocalAgent]

    def pid_of(self, name: str) -> int | None:
        """Return the id of a child of the supervisor."""
        for pid in pids():
            arguments = read(pid, "cmdline").replace("\0", " ")
            # The parent is the second field behind the name, which may hold spaces.
            parent = read(pid, "stat").rpartition(")")[2].split()[1:2]
            is_child = parent == [str(self.portal.process.pid)]
            if is_child and ARGUMENTS[name] in arguments:
                return pid
        return None

    def is_healthy(self) -> bool:
        """Say whether web server and edge answer."""
        ports = (self.portal.web_port, self.portal.edge_port)
        return all(answers(f"http://127.0.0.1:{port}/healthz") for port in ports)

    def change(self, name: str) -> None:
        """Make one more principal live."""
        subprocess.run(
            [sys.executable, "manage.py", "shell", "-c", CHANGE.format(name=name)],
            cwd=ROOT,
            env=self.portal.environment | self._settings(),
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )

    def ask(self, query: str) -> tuple[object, ...]:
        """Return the first row of an answer of the stack's database."""
        address = Layout(self.portal.data).database_url("postgres")
        with psycopg.connect(address) as database:
            row = database.execute(query.encode()).fetchone()
        assert row is not None
        return row

    def _settings(self) -> dict[str, str]:
        return {
            "PORTWARD_DATA_DIR": str(self.portal.data),
            "PORTWARD_WEB_PORT": str(self.portal.web_port),
            "PORTWARD_EDGE_PORT": str(self.portal.edge_port),
        }

    def held(self) -> set[tuple[object, ...]]:
        """Return the releases that the agents hold."""
        found = [agent.status() for agent in self.agents]
        return {(status.get("revision"), status.get("fingerprint")) for status in found}


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    folder = Path(tempfile.mkdtemp(prefix="portward-journey-"))
    # The database runs as another user when the tests run as root.
    folder.chmod(0o755)
    portal = RunningPortal(folder / "data", "--agents", str(AGENTS))
    with ExitStack() as exits:
        exits.callback(shutil.rmtree, folder, ignore_errors=True)
        with portal:
            assert portal.report["ok"] is True
            agents = local_agents(portal.data, AGENTS, portal.agent_port)
            yield RunningStack(portal, agents)
        assert portal.process.returncode == 0
        await_(lambda: not portal.processes())


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_release_reaches_every_agent_once_though_a_process_was_killed(
    stack: RunningStack, name: str
) -> None:
    before, _ = stack.ask(NEWEST)
    victim = stack.pid_of(name)
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    stack.change(f"after-{name}")
    await_(lambda: stack.ask(NEWEST)[0] != before)
    await_(lambda: stack.held() == {stack.ask(NEWEST)})
    await_(lambda: stack.ask(UNSETTLED) == (0,))
    await_(lambda: stack.pid_of(name) not in {victim, None})
    await_(stack.is_healthy)
    assert isinstance(before, int)
    assert stack.ask(NEWEST)[0] == before + 1


def await_(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.05)
