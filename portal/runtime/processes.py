"""Start child processes, start them again when they die, stop exactly them.

Every child leads its own process group and dies with its supervisor, so that Ctrl-C,
a crash and `kill -9` of the supervisor all leave nothing behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_PR_SET_PDEATHSIG = 1
_LONGEST_PAUSE = 5.0
# A child that lived this long is healthy again: its next pause is short.
_HEALTHY_AFTER = 10.0
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Process:
    """How to start one child."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    # How long the child may take to end by itself, in seconds.
    patience: float = 8.0


def _stop_with_parent() -> None:
    """Ask the kernel for SIGTERM when the supervisor dies, however it dies."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class _Child:
    """One running child and its history."""

    def __init__(self, process: Process, log: Path) -> None:
        self.process = process
        self.log = log
        self.restarts = 0
        self.pause = 0.2
        self.due = 0.0
        self.started = 0.0
        self.popen = self._spawn()

    def _spawn(self) -> subprocess.Popen[bytes]:
        self.started = time.monotonic()
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603  # commands are our own
                self.process.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.process.environment},
                start_new_session=True,
                preexec_fn=_stop_with_parent,  # noqa: PLW1509  # it only calls prctl
            )

    def revive(self, now: float) -> None:
        """Start the child again once its pause is over."""
        if self.popen.poll() is None:
            return
        if not self.due:
            # The group may hold orphans of a leader that was killed.
            self.signal_group(signal.SIGKILL)
            lived = now - self.started
            self.pause = 0.2 if lived > _HEALTHY_AFTER else self.pause
            self.due = now + self.pause
            self.pause = min(self.pause * 2, _LONGEST_PAUSE)
        elif now >= self.due:
            self.due = 0.0
            self.restarts += 1
            self.popen = self._spawn()

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the child and everything it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.popen.pid, number)

    def stop(self) -> None:
        """Ask the child to end, then make it."""
        if self.popen.poll() is None:
            self.popen.send_signal(self.process.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(self.process.patience)
        self.signal_group(signal.SIGKILL)
        self.popen.wait()


class Supervisor:
    """Keep a set of children alive; a context manager that stops them in reverse."""

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir
        self._children: dict[str, _Child] = {}
        self._lock = threading.Lock()

    def start(self, process: Process) -> None:
        """Start a child; its output goes to a file of its name."""
        self._log_dir.mkdir(parents=True, exist_ok=True)
        log = self._log_dir / f"{process.name}.log"
        with self._lock:
            self._children[process.name] = _Child(process, log)

    def revive(self) -> None:
        """Start again what died, with a growing pause; call this often."""
        with self._lock:
            for child in self._children.values():
                child.revive(time.monotonic())

    def pids(self) -> dict[str, int]:
        """Return the process id of each child."""
        return {name: child.popen.pid for name, child in self._children.items()}

    def restarts(self) -> dict[str, int]:
        """Return how often each child was started again."""
        return {name: child.restarts for name, child in self._children.items()}

    def is_alive(self, name: str) -> bool:
        """Say whether a child runs at this moment."""
        return self._children[name].popen.poll() is None

    def log_of(self, name: str) -> Path:
        """Return the file that holds a child's output."""
        return self._children[name].log

    def stop(self) -> None:
        """Stop every child, the youngest first."""
        with self._lock:
            for child in reversed(self._children.values()):
                child.stop()
            self._children.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
