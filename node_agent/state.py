"""Hold the release in force, swap it in one assignment, keep the last good on disk.

The release on disk is one folder with bundle (or, after a delta, the records that it
came to) and trust metadata. `bundle/current` is a
symbolic link to it that is replaced by a rename, so whatever kills the agent, it finds
one release whole: the old or the new.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.decide import Decision, PolicyEngine, Request
from engine.selftest import SelfTest
from node_agent.config import Identity, StatePaths, sync_folder, write_json
from node_agent.content import Held, Verified
from node_agent.errors import NothingStoredError, StateError
from node_agent.steps import Step, Trace
from node_agent.trust_store import STAGING, TrustStore
from protocol.bundle import Manifest
from protocol.delta import Content

# A clock that stands further before the last contact than this is not believed.
_CLOCK_TOLERANCE = timedelta(seconds=60)
_NEVER = float("inf")
NO_RELEASE = "no_release"


def utc_now() -> datetime:
    """Return the time of the node."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class ActiveRelease:
    """What the node enforces; replaced as a whole."""

    content: Content
    engine: PolicyEngine
    received_at: datetime
    activated_at: datetime

    @property
    def manifest(self) -> Manifest:
        """Return what the release says of itself."""
        return self.content.manifest

    @property
    def revision(self) -> int:
        """Return the number of the release."""
        return self.manifest.revision

    @property
    def fingerprint(self) -> str:
        """Return the digest of the records, recomputed when they were read."""
        return self.manifest.state_digest

    @property
    def etag(self) -> str:
        """Return what the edge calls this release."""
        return f'"{self.fingerprint}.{self.revision}"'


@dataclass(frozen=True)
class Freshness:
    """When the portal last confirmed, by a signed timestamp, what the node holds.

    The wall clock counts across restarts. Within one run the monotonic clock counts
    too, and the larger age wins, so turning the wall clock back does not make old rules
    young.
    """

    confirmed_at: datetime
    monotonic: float | None

    def age(self, now: datetime, monotonic: float) -> float:
        """Return the age in seconds; infinite when the clock cannot be believed."""
        elapsed = now - self.confirmed_at
        if self.monotonic is not None:
            return max(elapsed.total_seconds(), monotonic - self.monotonic)
        if elapsed < -_CLOCK_TOLERANCE:
            return _NEVER
        return max(elapsed.total_seconds(), 0.0)


@dataclass(frozen=True)
class Acceptance:
    """What became of an answer that passed all checks."""

    release: ActiveRelease
    is_change: bool
    duration_ms: int
    self_test: SelfTest


class AgentState:
    """The release in force and its age."""

    def __init__(
        self,
        paths: StatePaths,
        identity: Identity,
        *,
        clock: Callable[[], datetime] = utc_now,
        scratch: Path | None = None,
    ) -> None:
        self._paths = paths
        self._clock = clock
        self._groups = identity.groups
        self._trust = TrustStore(paths, identity, scratch=scratch)
        self._active: ActiveRelease | None = None
        self._freshness: Freshness | None = None

    @property
    def active(self) -> ActiveRelease | None:
        """Return the release in force, if any."""
        return self._active

    def now(self) -> datetime:
        """Return the time by the clock that the state was given."""
        return self._clock()

    def age_seconds(self) -> float:
        """Return how long ago the portal confirmed the release."""
        if self._freshness is None:
            return _NEVER
        return self._freshness.age(self._clock(), time.monotonic())

    def decide(self, request: Request, release: ActiveRelease | None) -> Decision:
        """Answer from a release that was in force; deny when there is none.

        The caller reads `active` once and names it here, so that the answer and what it
        says of its origin belong together while releases change.
        """
        if release is None:
            return Decision(allowed=False, reason=NO_RELEASE)
        return release.engine.decide(
            replace(request, node_groups=self._groups),
            age_seconds=self.age_seconds(),
            max_age=release.manifest.max_age,
        )

    def load(self, *, trace: Trace | None = None) -> ActiveRelease:
        """Start from the last good release on disk, verified again."""
        accepted = self._read("accepted.json")
        confirmed = _moment(self._read("freshness.json"), "confirmed_at")
        received = _moment(accepted, "received_at")
        verified = self._trust.verify_stored(trace=trace or Trace(), as_of=confirmed)
        verified.discard()
        self._freshness = Freshness(confirmed, None)
        self._active = ActiveRelease(
            verified.content, verified.engine, received, self._clock()
        )
        return self._active

    def accept(self, envelope: bytes, *, trace: Trace | None = None) -> Acceptance:
        """Verify an answer of the edge, enforce it, and make it durable."""
        trace = trace or Trace()
        now, started = self._clock(), time.monotonic()
        active = self._active
        held = None if active is None else Held(active.content, active.engine)
        verified = self._trust.verify_envelope(
            envelope, now=now, held=held, trace=trace
        )
        if active is None or verified.is_change:
            with trace.step(Step.SWAP):
                active = ActiveRelease(
                    verified.content, verified.engine, now, self._clock()
                )
                self._active = active
        if verified.is_change or verified.is_fresher or self._freshness is None:
            self._freshness = Freshness(now, started)
        with trace.step(Step.STORE):
            self._store(verified, active, self._freshness.confirmed_at)
        elapsed = time.monotonic() - started
        return Acceptance(
            active, verified.is_change, round(elapsed * 1000), verified.self_test
        )

    def confirm(self, stamp: bytes) -> bool:
        """Take the timestamp of a 304; a newer one makes the release fresh again."""
        now, started = self._clock(), time.monotonic()
        if not self._trust.verify_timestamp(stamp, now=now):
            return False
        self._freshness = Freshness(now, started)
        self._write_freshness(self._paths.current, now)
        return True

    def sweep(self) -> None:
        """Remove what a killed agent left behind; only for the holder of the lock."""
        for leftover in self._paths.bundle.glob(f"{STAGING}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        for leftover in self._paths.bundle.glob(".*"):
            leftover.unlink(missing_ok=True)
        self._forget_generations()

    def _store(
        self, verified: Verified, active: ActiveRelease, confirmed_at: datetime
    ) -> None:
        staging = verified.staging
        previous = self._current_generation()
        try:
            verified.write()
            write_json(
                staging / "accepted.json",
                {
                    "revision": active.revision,
                    "fingerprint": active.fingerprint,
                    "received_at": active.received_at.isoformat(),
                    "activated_at": active.activated_at.isoformat(),
                },
            )
            self._write_freshness(staging, confirmed_at)
            _sync_tree(staging)
            generation = self._paths.bundle / _generation_name(active.revision)
            staging.rename(generation)
            sync_folder(self._paths.bundle)
            link = self._paths.bundle / f".{generation.name}"
            link.symlink_to(generation.name)
            link.replace(self._paths.current)
            sync_folder(self._paths.bundle)
        except OSError as error:
            shutil.rmtree(staging, ignore_errors=True)
            raise StateError(f"Cannot store the release: {error}") from error
        self._forget_generations(previous)

    def _forget_generations(self, previous: Path | None = None) -> None:
        """Remove old releases, but not the one a reader may have open right now."""
        keep = {self._current_generation(), previous}
        for folder in self._paths.bundle.glob("[0-9]*"):
            if folder not in keep:
                shutil.rmtree(folder, ignore_errors=True)

    def _current_generation(self) -> Path | None:
        try:
            return self._paths.bundle / self._paths.current.readlink()
        except OSError:
            return None

    def _write_freshness(self, folder: Path, now: datetime) -> None:
        write_json(folder / "freshness.json", {"confirmed_at": now.isoformat()})

    def _read(self, name: str) -> dict[str, object]:
        path = self._paths.current / name
        try:
            value = json.loads(path.read_bytes())
        except FileNotFoundError as error:
            raise NothingStoredError(
                f"{self._paths.folder} holds no release yet."
            ) from error
        except (OSError, ValueError) as error:
            raise StateError(f"Cannot read {path}: {error}") from error
        if not isinstance(value, dict):
            raise StateError(f"{path} is not an object.")
        return value


@contextmanager
def exclusive(paths: StatePaths) -> Iterator[None]:
    """Hold the state folder; two agents on one folder would undo each other."""
    with paths.lock.open("w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StateError(
                f"Another agent runs on {paths.folder}; stop it first."
            ) from error
        yield


def _moment(values: dict[str, object], name: str) -> datetime:
    value = values.get(name)
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise StateError(f"{name} is not a time: {value}") from error
    if moment.tzinfo is None:
        raise StateError(f"{name} has no time zone.")
    return moment


def _generation_name(revision: int) -> str:
    return f"{revision:010d}-{uuid.uuid4().hex[:8]}"


def _sync_tree(folder: Path) -> None:
    """Make every file and folder below durable before a name points at them."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            continue
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    sync_folder(folder)
