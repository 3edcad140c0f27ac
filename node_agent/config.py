"""Where the agent keeps things, who it is, and how it writes without tearing.

Layout of the state folder (0700):

    identity.json          tenant, node, edge address, lowest revision ever to accept
    node.key               the node's Ed25519 key (0600); it never leaves the machine
    root.json              the TUF root received at enrollment, where all trust starts
    bundle/current         symbolic link to the last good release, replaced atomically
    bundle/<generation>/   bundle.tar.gz, or state.tar when it came as a delta; tuf/,
                           accepted.json, freshness.json
    status.json            what the running agent last knew, for `status`
    agent.lock             held while the agent runs
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node_agent.errors import AlreadyEnrolledError, NotEnrolledError, StateError

_PRIVATE_FILE = 0o600
_PRIVATE_FOLDER = 0o700
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class StatePaths:
    """The files inside a state folder."""

    folder: Path

    @property
    def identity(self) -> Path:
        """Return where the identity is."""
        return self.folder / "identity.json"

    @property
    def key(self) -> Path:
        """Return where the private key is."""
        return self.folder / "node.key"

    @property
    def root(self) -> Path:
        """Return where the root of trust is."""
        return self.folder / "root.json"

    @property
    def bundle(self) -> Path:
        """Return the folder of releases."""
        return self.folder / "bundle"

    @property
    def current(self) -> Path:
        """Return the link to the last good release."""
        return self.bundle / "current"

    @property
    def status(self) -> Path:
        """Return where the running agent writes what it knows."""
        return self.folder / "status.json"

    @property
    def lock(self) -> Path:
        """Return the file that a running agent locks."""
        return self.folder / "agent.lock"

    def create(self) -> None:
        """Create the folder, closed to others."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE_FOLDER)
            self.folder.chmod(_PRIVATE_FOLDER)
            self.bundle.mkdir(exist_ok=True, mode=_PRIVATE_FOLDER)
        except OSError as error:
            raise StateError(f"Cannot create {self.folder}: {error}") from error


@dataclass(frozen=True)
class Identity:
    """Who this node is, and whom it asks.

    `groups` are the node groups that it was let into; a node that enrolled before they
    were told does not know them.
    """

    tenant: str
    node: str
    name: str
    edge: str
    floor: int
    groups: tuple[str, ...] | None = None

    def save(self, paths: StatePaths) -> None:
        """Write the identity; from now on the folder counts as enrolled."""
        write_json(paths.identity, {"v": 1, **asdict(self)})

    @classmethod
    def load(cls, paths: StatePaths) -> Identity:
        """Read the identity, or say how to get one."""
        try:
            fields = json.loads(paths.identity.read_bytes())
        except FileNotFoundError as error:
            raise NotEnrolledError(
                f"{paths.folder} holds no identity; run `portward-agent enroll` first."
            ) from error
        except (OSError, ValueError) as error:
            raise StateError(f"Cannot read {paths.identity}: {error}") from error
        if not isinstance(fields, dict) or fields.pop("v", None) != 1:
            raise StateError(f"{paths.identity} is not of a version this agent knows.")
        if fields.get("groups") is not None:
            fields["groups"] = tuple(map(str, fields["groups"]))
        try:
            return cls(**fields)
        except TypeError as error:
            raise StateError(f"{paths.identity} is incomplete: {error}") from error


def create_key(paths: StatePaths) -> Ed25519PrivateKey:
    """Make the node's key pair, or take the one of an enrollment that broke off."""
    if paths.identity.exists():
        raise AlreadyEnrolledError(
            f"{paths.folder} is enrolled already; use another folder for another node."
        )
    if paths.key.exists():
        return load_key(paths)
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_durably(paths.key, pem)
    return key


def load_key(paths: StatePaths) -> Ed25519PrivateKey:
    """Read the node's key; refuse one that others can read."""
    try:
        if paths.key.stat().st_mode & _OTHERS:
            raise StateError(f"{paths.key} is open to others; chmod it to 0600.")
        key = serialization.load_pem_private_key(paths.key.read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise StateError(f"Cannot read {paths.key}: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise StateError(f"{paths.key} is not an Ed25519 key.")
    return key


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """Return the raw public half."""
    return key.public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write local state as JSON; nothing that is signed passes here."""
    write_durably(path, json.dumps(value, indent=1, sort_keys=True).encode() + b"\n")


def write_durably(path: Path, content: bytes) -> None:
    """Replace a file so that a crash leaves the old content or the new, 0600."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_PRIVATE_FILE)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make renames in a folder survive a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
