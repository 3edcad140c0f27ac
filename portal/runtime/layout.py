"""Where the embedded services keep their files and sockets."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

DATABASE = "portward"
# A unix socket's address holds 107 bytes; the server appends its own file name.
_LONGEST_SOCKET_FOLDER = 80


@dataclass(frozen=True)
class Layout:
    """The paths inside one data folder."""

    data: Path

    @property
    def database_dir(self) -> Path:
        """Return the folder of the PostgreSQL cluster."""
        return self.data / "postgresql"

    @property
    def database_socket_dir(self) -> Path:
        """Return the folder of the PostgreSQL socket."""
        return self._socket_dir(self.database_dir)

    @property
    def broker_dir(self) -> Path:
        """Return the folder of the broker's files."""
        return self.data / "broker"

    @property
    def broker_socket(self) -> Path:
        """Return the broker's socket."""
        return self._socket_dir(self.broker_dir) / "valkey.sock"

    def database_url(self, role: str, database: str = DATABASE) -> str:
        """Return the address of the embedded database for a role."""
        socket = quote(str(self.database_socket_dir), safe="")
        return f"postgresql://{role}@{socket}/{database}"

    def broker_url(self) -> str:
        """Return the address of the embedded broker."""
        return f"redis+socket://{self.broker_socket}"

    @staticmethod
    def _socket_dir(folder: Path) -> Path:
        if len(str(folder)) < _LONGEST_SOCKET_FOLDER and _others_may_reach(folder):
            return folder
        digest = hashlib.sha256(str(folder).encode()).hexdigest()[:12]
        return Path("/tmp") / f"portward-{digest}"  # noqa: S108  # only its owner may enter it


def _others_may_reach(folder: Path) -> bool:
    """Say whether the user that PostgreSQL runs as can get to a folder.

    Only root starts the server as somebody else.
    """
    if os.geteuid() != 0:
        return True
    return all(
        parent.stat().st_mode & stat.S_IXOTH
        for parent in folder.parents
        if parent.exists()
    )
