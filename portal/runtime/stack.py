"""Everything that `make up` runs on one machine, in the order it depends on itself."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self
from urllib.parse import urlsplit

import psycopg

from portal.runtime import broker
from portal.runtime.layout import DATABASE, Layout
from portal.runtime.postgres import BOOTSTRAP, EmbeddedPostgres
from portal.runtime.processes import Process, Supervisor

ROOT = Path(__file__).resolve().parents[2]
_HTTP_OK = 200
_TICK = 0.05


class StackError(RuntimeError):
    """The installation cannot be started; the message says why and what to do."""


@dataclass(frozen=True)
class StackOptions:
    """Where things go and which addresses they take."""

    data: Path
    web_port: int
    edge_port: int

    @property
    def layout(self) -> Layout:
        """Return the paths inside the data folder."""
        return Layout(self.data)


class Stack:
    """The running installation; a context manager that stops what it started."""

    def __init__(self, options: StackOptions) -> None:
        self.options = options
        self.supervisor = Supervisor(options.data / "log")
        self._postgres: EmbeddedPostgres | None = None
        self._lock: IO[str] | None = None
        self._exits = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._exits.close()

    def start_services(self) -> None:
        """Start database and broker unless real ones are named, and migrate."""
        self._claim_folder()
        if not os.environ.get("DATABASE_URL"):
            self._start_database()
        # Registered last, so that nobody outlives the database.
        self._exits.callback(self.supervisor.stop)
        if not os.environ.get("CELERY_BROKER_URL"):
            self.supervisor.start(broker.broker_process(self.options.layout))
            broker.await_broker(self.options.layout)
        self._migrate()

    def start_portal(self) -> None:
        """Start web server, edge and worker, and wait until they answer."""
        for port, flag in (
            (self.options.web_port, "--web-port"),
            (self.options.edge_port, "--edge-port"),
        ):
            _refuse_taken(port, flag)
        self.supervisor.start(self._web())
        self.supervisor.start(self._edge())
        self.supervisor.start(self._worker())
        self.wait_for(
            lambda: answers(f"http://127.0.0.1:{self.options.web_port}/healthz"), "web"
        )
        self.wait_for(
            lambda: answers(f"http://127.0.0.1:{self.options.edge_port}/healthz"),
            "edge",
        )

    def wait_for(
        self, condition: Callable[[], bool], name: str, timeout: float = 60
    ) -> None:
        """Wait for a condition, keeping every child alive meanwhile.

        Raises StackError that names the log to read when it does not come true.
        """
        deadline = time.monotonic() + timeout
        while not condition():
            self.keep_alive()
            if time.monotonic() > deadline:
                raise StackError(
                    f"{name} is not ready after {timeout:.0f} s; "
                    f"see the logs in {self.options.data / 'log'}"
                )
            time.sleep(_TICK)

    def keep_alive(self) -> None:
        """Start again what died."""
        postgres = self._postgres
        if postgres is not None and not postgres.is_running:
            postgres.restart()
        self.supervisor.revive()

    def _claim_folder(self) -> None:
        data = self.options.data
        data.mkdir(parents=True, exist_ok=True)
        self._lock = (data / "up.lock").open("w", encoding="ascii")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StackError(
                f"Portward already runs on {data}. Stop it, or use --data OTHER."
            ) from error
        self._exits.callback(self._lock.close)
        marker = data / "portward.json"
        if not marker.exists():
            marker.write_text(json.dumps({"format": 1}) + "\n", encoding="ascii")

    def _start_database(self) -> None:
        layout = self.options.layout
        self._postgres = EmbeddedPostgres(
            layout.database_dir, layout.database_socket_dir
        )
        self._exits.callback(self._postgres.stop)
        self._postgres.start()
        url = layout.database_url("postgres", "postgres")
        with psycopg.connect(url, autocommit=True) as connection:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(query, [DATABASE]).fetchone() is None:
                connection.execute(BOOTSTRAP)
                connection.execute("CREATE DATABASE portward OWNER portward_owner")

    def _migrate(self) -> None:
        """Migrate as the owner of the tables; everything else runs as another role."""
        environment = dict(os.environ)
        owner = os.environ.get("DATABASE_OWNER_URL", "")
        if not owner and self._postgres is None:
            raise StackError(
                "Set DATABASE_OWNER_URL beside DATABASE_URL: migrations run as the "
                "role that owns the tables."
            )
        environment["DATABASE_URL"] = owner or self.options.layout.database_url(
            "portward_owner"
        )
        done = subprocess.run(  # noqa: S603  # our own arguments
            [*_manage(), "migrate", "--no-input", "--verbosity", "0"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StackError(f"The migrations failed:\n{done.stderr}")

    def _web(self) -> Process:
        return Process(
            name="web",
            command=(
                *(sys.executable, "-m", "granian", "--interface", "wsgi"),
                *("--host", "127.0.0.1", "--port", str(self.options.web_port)),
                *("--workers", "2", "--blocking-threads", "2", "--no-ws"),
                *("--workers-kill-timeout", "3", "--working-dir", str(ROOT)),
                *("--respawn-failed-workers", "portal.wsgi:application"),
            ),
            environment=self._environment(),
        )

    def _edge(self) -> Process:
        return Process(
            name="edge",
            command=(
                *(sys.executable, "-m", "granian", "--interface", "asgi"),
                *("--host", "127.0.0.1", "--port", str(self.options.edge_port)),
                *("--workers", "1", "--backlog", "8192", "--backpressure", "20000"),
                *("--workers-kill-timeout", "3", "--working-dir", str(ROOT)),
                *("--respawn-failed-workers", "--no-ws", "portal.edge:app"),
            ),
            environment=self._environment(),
        )

    def _worker(self) -> Process:
        return Process(
            name="worker",
            command=(
                *(sys.executable, "-m", "celery", "--workdir", str(ROOT)),
                *("-A", "portal.celery:app", "worker", "--beat"),
                *("--schedule", str(self.options.data / "beat-schedule")),
                *("--pool", "threads", "--concurrency", "4", "--loglevel", "INFO"),
                *("--without-gossip", "--without-mingle"),
            ),
            environment=self._environment(),
        )

    def _environment(self) -> dict[str, str]:
        return {
            "DJANGO_SETTINGS_MODULE": "portal.settings.local",
            "PORTWARD_DATA_DIR": str(self.options.data),
            "PORTWARD_WEB_PORT": str(self.options.web_port),
            "PORTWARD_EDGE_PORT": str(self.options.edge_port),
            "PYTHONUNBUFFERED": "1",
        }


def answers(url: str) -> bool:
    """Say whether an address of ours answers 200."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=2)
    try:
        connection.request("GET", parts.path, headers={"Host": "localhost"})
        return connection.getresponse().status == _HTTP_OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _manage() -> list[str]:
    return [sys.executable, str(ROOT / "manage.py")]


def _refuse_taken(port: int, flag: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise StackError(
                f"Port {port} is taken. Choose another: "
                f'make up ARGS="{flag} {port + 100}"'
            ) from error
