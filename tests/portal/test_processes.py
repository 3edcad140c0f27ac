"""The supervisor keeps its children alive and stops exactly them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal.runtime.processes import Process, Supervisor

SLEEPER = "import signal; signal.pause()"
STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('deaf', flush=True)\nwhile True: signal.pause()"
)
PARENT = (
    "import subprocess, sys, signal; "
    f"p = subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]); "
    "print(p.pid, flush=True); signal.pause()"
)


def python(name: str, code: str, patience: float = 5) -> Process:
    return Process(name, (sys.executable, "-c", code), patience=patience)


def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    pause = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        pause.wait(0.02)
    pytest.fail("the condition did not come true")


def is_running(pid: int) -> bool:
    """Say whether a process lives; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    with Supervisor(tmp_path) as running:
        yield running


def test_a_killed_child_is_started_again(supervisor: Supervisor) -> None:
    supervisor.start(python("child", SLEEPER))
    first = supervisor.pids()["child"]
    os.kill(first, signal.SIGKILL)

    def is_back() -> bool:
        supervisor.revive()
        return supervisor.restarts()["child"] == 1 and supervisor.is_alive("child")

    eventually(is_back)
    assert supervisor.pids()["child"] != first


def test_a_living_child_is_left_alone(supervisor: Supervisor) -> None:
    supervisor.start(python("child", SLEEPER))
    supervisor.revive()
    assert supervisor.restarts() == {"child": 0}


def test_stop_ends_what_a_child_started(supervisor: Supervisor) -> None:
    supervisor.start(python("parent", PARENT))
    log = supervisor.log_of("parent")
    eventually(lambda: log.read_text().strip().isdigit())
    grandchild = int(log.read_text())
    assert is_running(grandchild)
    supervisor.stop()
    eventually(lambda: not is_running(grandchild))


def test_stop_ends_a_child_that_ignores_the_polite_signal(
    supervisor: Supervisor,
) -> None:
    supervisor.start(python("deaf", STUBBORN, patience=0.2))
    log = supervisor.log_of("deaf")
    eventually(lambda: "deaf" in log.read_text())
    pid = supervisor.pids()["deaf"]
    supervisor.stop()
    assert not is_running(pid)


def test_stop_leaves_strangers_alone(supervisor: Supervisor) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", SLEEPER])
    try:
        supervisor.start(python("child", SLEEPER))
        supervisor.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    code = (
        "import signal, sys\nfrom pathlib import Path\n"
        "from portal.runtime.processes import Process, Supervisor\n"
        f"s = Supervisor(Path({str(tmp_path)!r}))\n"
        f"s.start(Process('c', (sys.executable, '-c', {SLEEPER!r})))\n"
        "print(s.pids()['c'], flush=True)\nsignal.pause()"
    )
    root = Path(__file__).resolve().parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_running(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    eventually(lambda: not is_running(child))
