"""Pytest plugin: a throw-away PostgreSQL, started before Django reads its settings.

Workers of pytest-xdist inherit DATABASE_URL from the controller. With DATABASE_URL set
beforehand nothing is started; its role must own the database and may create others.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import psycopg
import pytest

from portal.runtime.layout import Layout
from portal.runtime.postgres import BOOTSTRAP, EmbeddedPostgres

_started: list[tuple[EmbeddedPostgres, Path]] = []


def _start() -> None:
    folder = Path(tempfile.mkdtemp(prefix="portward-test-"))
    # The server runs as another user when the tests run as root.
    folder.chmod(0o755)
    layout = Layout(folder)
    server = EmbeddedPostgres(
        layout.database_dir, layout.database_socket_dir, durable=False
    ).start()
    with psycopg.connect(
        layout.database_url("postgres", "postgres"), autocommit=True
    ) as connection:
        connection.execute(BOOTSTRAP)
        connection.execute("CREATE DATABASE portward OWNER portward_owner")
    os.environ["DATABASE_URL"] = layout.database_url("portward_owner")
    os.environ["PORTWARD_TEST_DIR"] = str(folder / "data")
    _started.append((server, folder))


# Playwright's synchronous API keeps an event loop running in the test's thread.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
if "DATABASE_URL" not in os.environ:
    _start()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server when the controller ends."""
    if not hasattr(config, "workerinput"):
        stop()


def stop() -> None:
    """Stop the server if this process started it, and remove its folder."""
    for server, folder in _started:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    _started.clear()
