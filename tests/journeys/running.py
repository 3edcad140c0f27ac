"""The whole product in its own processes, as `make up` starts it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN = 180
AGENTS = 3


def free_ports(agents: int) -> tuple[int, int, int]:
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
                for offset in range(1, agents):
                    take(first + offset)
            except (OSError, OverflowError):
                continue
            return web, edge, first


class RunningPortal:
    """One `manage.py up` on a folder and ports of its own; stopped with Ctrl-C."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.web_port, self.edge_port, self.agent_port = free_ports(AGENTS)
        self.options = options
        self.report: dict[str, Any] = {}

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment without what a test run sets for itself."""
        foreign = ("PORTWARD_", "DATABASE_", "CELERY_", "DJANGO_")
        return {k: v for k, v in os.environ.items() if not k.startswith(foreign)}

    def start(self) -> None:
        """Start and wait for the report."""
        command = [
            *(sys.executable, "manage.py", "up", "--json", "--data", str(self.data)),
            *("--web-port", str(self.web_port), "--edge-port", str(self.edge_port)),
            *("--agent-port", str(self.agent_port), *self.options),
        ]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=(self.data.parent / "up.err").open("w"),
            text=True,
        )
        assert self.process.stdout is not None
        timer = threading.Timer(READY_WITHIN, self.process.kill)
        timer.start()
        text = ""
        for line in self.process.stdout:
            text += line
            if line.rstrip() == "}":
                break
        timer.cancel()
        if not text.rstrip().endswith("}"):
            errors = (self.data.parent / "up.err").read_text()
            raise AssertionError(f"the portal did not start: {text}{errors[-3000:]}")
        self.report = json.loads(text)

    def stop(self) -> None:
        """Press Ctrl-C and wait."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(60)
        finally:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()

    def processes(self) -> list[int]:
        """Return the live processes whose arguments or environment name the folder."""
        return [
            pid
            for pid in pids()
            if str(self.data) in read(pid, "cmdline") + read(pid, "environ")
        ]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def pids() -> list[int]:
    """Return the ids of all processes."""
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def read(pid: int, name: str) -> str:
    """Return what the system knows of a process; nothing of one that is gone."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
