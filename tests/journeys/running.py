"""The whole product in its own processes, as `make up` starts it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN = 180


def free_port() -> int:
    """Return a port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_ports(count: int) -> int:
    """Return the first of several free ports in a row."""
    while True:
        first = free_port()
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first


class RunningPortal:
    """One `manage.py up` on a folder and ports of its own; stopped with Ctrl-C."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.web_port, self.edge_port = free_port(), free_port()
        self.agent_port = free_ports(3)
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
        self.process.wait(60)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def processes(self) -> list[int]:
        """Return the live processes whose command line names the data folder."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().decode(errors="replace")
            except OSError:
                continue
            if str(self.data) in words:
                found.append(int(path.parts[2]))
        return found

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
