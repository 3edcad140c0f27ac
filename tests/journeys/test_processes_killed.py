"""Kill -9 of a process of the running stack: the next release arrives all the same."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
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

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("journey")]

ROOT = Path(__file__).resolve().parents[2]
AGENTS = 3
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

    data: Path
    environment: dict[str, str]
    process: subprocess.Popen[str]
    ports: tuple[int, int]
    agents: list[LocalAgent]

    def pid_of(self, name: str) -> int | None:
        """Return the id of a child of the supervisor."""
        for pid in _pids():
            arguments = _read(pid, "cmdline").replace("\0", " ")
            # The parent is the second field behind the name, which may hold spaces.
            parent = _read(pid, "stat").rpartition(")")[2].split()[1:2]
            is_child = parent == [str(self.process.pid)]
            if is_child and ARGUMENTS[name] in arguments:
                return pid
        return None

    def is_healthy(self) -> bool:
        """Say whether web server and edge answer."""
        return all(answers(f"http://127.0.0.1:{port}/healthz") for port in self.ports)

    def change(self, name: str) -> None:
        """Make one more principal live."""
        subprocess.run(
            [sys.executable, "manage.py", "shell", "-c", CHANGE.format(name=name)],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )

    def ask(self, query: str) -> tuple[object, ...]:
        """Return the first row of an answer of the stack's database."""
        address = Layout(self.data).database_url("postgres")
        with psycopg.connect(address) as database:
            row = database.execute(query.encode()).fetchone()
        assert row is not None
        return row

    def held(self) -> set[tuple[object, ...]]:
        """Return the releases that the agents hold."""
        found = [agent.status() for agent in self.agents]
        return {(status.get("revision"), status.get("fingerprint")) for status in found}


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    folder = Path(tempfile.mkdtemp(prefix="portward-journey-"))
    # The database runs as another user when the tests run as root.
    folder.chmod(0o755)
    data = folder / "data"
    web, edge, first_agent = _free_ports()
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PORTWARD_", "DJANGO_", "DATABASE_", "CELERY_"))
    } | {
        "PORTWARD_DATA_DIR": str(data),
        "PORTWARD_WEB_PORT": str(web),
        "PORTWARD_EDGE_PORT": str(edge),
    }
    process = subprocess.Popen(
        [
            *(sys.executable, "manage.py", "up", "--json", "--data", str(data)),
            *("--web-port", str(web), "--edge-port", str(edge)),
            *("--agent-port", str(first_agent), "--agents", str(AGENTS)),
        ],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    with ExitStack() as exits:
        exits.callback(shutil.rmtree, folder, ignore_errors=True)
        exits.callback(_stop, process, data)
        assert _report(process)["ok"] is True
        agents = local_agents(data, AGENTS, first_agent)
        yield RunningStack(data, environment, process, (web, edge), agents)


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


def _report(process: subprocess.Popen[str]) -> dict[str, object]:
    """Return what the stack prints when it is ready; it stays in the foreground."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.rstrip() == "}":
            break
    report: dict[str, object] = json.loads("".join(lines))
    return report


def _stop(process: subprocess.Popen[str], data: Path) -> None:
    """Press Ctrl-C, and hold that nothing of the stack is left."""
    process.send_signal(signal.SIGINT)
    try:
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    await_(lambda: not _processes_of(data))


def _processes_of(data: Path) -> list[int]:
    """Return the processes that have the folder in arguments or environment."""
    return [
        pid
        for pid in _pids()
        if str(data) in _read(pid, "cmdline") + _read(pid, "environ")
    ]


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _free_ports() -> tuple[int, int, int]:
    """Return two free ports, and the first of as many in a row as there are agents."""
    with ExitStack() as held:

        def take(port: int) -> int:
            probe = held.enter_context(socket.socket())
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])

        web, edge = take(0), take(0)
        while True:
            first = take(0)
            try:
                for offset in range(1, AGENTS):
                    take(first + offset)
            except (OSError, OverflowError):
                continue
            return web, edge, first
