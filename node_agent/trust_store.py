"""Decide whether bytes from the edge are the tenant's next release.

Steps 1 to 9 of steps.py are here, in their order. TUF metadata is verified in a copy of
the metadata folder. The copy replaces the original in step 11 or never, so a refused
release cannot advance what we trust.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from tuf.api import exceptions as tuf_errors
from tuf.api.metadata import Metadata, Root, Timestamp
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig
from typing_extensions import override

from engine.selftest import SelfTest
from node_agent.config import Identity, StatePaths, write_durably
from node_agent.content import (
    STATE_PATH,
    Held,
    Verified,
    build_engine,
    check_proven,
    check_signed,
    name_of_delta,
    read_content,
)
from node_agent.errors import (
    NothingStoredError,
    NotYetValidError,
    ReleaseWithheldError,
    StateError,
)
from node_agent.selftest import run_self_test
from node_agent.steps import Step, Trace
from protocol.bundle import Manifest
from protocol.envelope import ENVELOPE_LIMIT, GZIP, unpack_envelope
from protocol.errors import (
    BundleDigestError,
    BundleExpiredError,
    BundleMalformedError,
    BundleRollbackError,
    BundleTamperedError,
    BundleTooLargeError,
    BundleUnsignedError,
    WrongTenantError,
)
from protocol.trust import TARGET_PATH, TargetClaim

STAGING = "staging-"
_METADATA = ("timestamp.json", "snapshot.json", "targets.json")
# Never contacted: every file comes out of one answer.
_URL = "https://envelope.invalid/"


class OneShotFetcher(FetcherInterface):
    """Serve TUF files from the one answer that carried them all."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    @override
    def _fetch(self, url: str) -> Iterator[bytes]:
        name = url.removeprefix(_URL)
        found = self._files.get(name)
        if found is None:
            # With consistent snapshots the client asks for 42.targets.json. A root is
            # asked for by number in any case, and must be there under it.
            _, _, plain = name.partition(".")
            found = self._files.get(plain) if plain in _METADATA else None
        if found is None:
            raise tuf_errors.DownloadHTTPError(f"{name} is missing", 404)
        return iter((found,))


class TrustStore:
    """The node's memory of what it trusts, and the only door into it.

    `scratch` is where metadata is staged: the folder of releases for an agent that will
    store what it verified, else the temporary folder of the system.
    """

    def __init__(
        self, paths: StatePaths, identity: Identity, *, scratch: Path | None = None
    ) -> None:
        self._paths = paths
        self._scratch = scratch
        self._identity = identity
        try:
            self._root = paths.root.read_bytes()
        except OSError as error:
            raise StateError(f"Cannot read {paths.root}: {error}") from error

    def verify_envelope(
        self, blob: bytes, *, now: datetime, held: Held | None, trace: Trace
    ) -> Verified:
        """Return the release in an answer of the edge, or raise why it is none.

        The caller owns the staging folder of what is returned.
        """
        with trace.step(Step.NOW, now.isoformat()):
            pass
        with trace.step(Step.SIZE, f"{len(blob)} bytes"):
            if len(blob) > ENVELOPE_LIMIT:
                raise BundleTooLargeError(
                    f"The answer has more than {ENVELOPE_LIMIT} bytes."
                )
        with trace.step(Step.ARCHIVE):
            files = unpack_envelope(blob)
            # Only our own folder holds this; a portal sends what it signed.
            files.pop(STATE_PATH, None)
        return self._verify_staged(files, now=now, held=held, trace=trace)

    def verify_stored(self, *, trace: Trace, as_of: datetime) -> Verified:
        """Return the release on disk after the same checks, as of when it was accepted.

        An agent that is offline for days still starts; how old its release is decides
        the staleness budget of each tier, not the expiry of the timestamp.
        """
        with trace.step(Step.NOW, as_of.isoformat()):
            pass
        return self._verify_staged(
            self._stored_files(), now=as_of, held=None, trace=trace, is_start=True
        )

    def verify_file(self, file: Path, *, now: datetime, trace: Trace) -> Verified:
        """Check an envelope or a bundle from anywhere.

        A bundle carries no signatures of the outside. It is checked against the trust
        metadata on disk, so it passes when it is the release that this node holds.
        """
        try:
            blob = file.read_bytes()
        except OSError as error:
            raise StateError(f"Cannot read {file}: {error}") from error
        if not blob.startswith(GZIP):
            return self.verify_envelope(blob, now=now, held=None, trace=trace)
        with trace.step(Step.NOW, now.isoformat()):
            pass
        files = {**self._stored_metadata(), TARGET_PATH: blob}
        return self._verify_staged(files, now=now, held=None, trace=trace)

    def _stored_files(self) -> dict[str, bytes]:
        """Return metadata and content of the last good release."""
        is_whole = (self._paths.current / TARGET_PATH).exists()
        name = TARGET_PATH if is_whole else STATE_PATH
        return {**self._stored_metadata(), **self._stored((name, name))}

    def _stored_metadata(self) -> dict[str, bytes]:
        return self._stored(*((name, f"tuf/{name}") for name in _METADATA))

    def _stored(self, *places: tuple[str, str]) -> dict[str, bytes]:
        current = self._paths.current
        try:
            return {name: (current / place).read_bytes() for name, place in places}
        except FileNotFoundError as error:
            raise NothingStoredError(
                f"{self._paths.folder} holds no complete release."
            ) from error
        except OSError as error:
            raise StateError(f"Cannot read {current}: {error}") from error

    def verify_timestamp(self, stamp: bytes, *, now: datetime) -> bool:
        """Take a fresher timestamp for the release held; say whether it is newer.

        The edge sends one with every 304. It must name the same snapshot: a timestamp
        that names a newer one means that the edge withholds a release.
        """
        staging = self._stage()
        try:
            before = _timestamp_version(staging / "tuf")
            with _translated():
                self._refresh_timestamp(stamp, staging, now)
            if _timestamp_version(staging / "tuf") <= before:
                return False
            # The bytes are the verified ones; one rename puts them in force.
            write_durably(self._paths.current / "tuf" / _METADATA[0], stamp)
        except OSError as error:
            raise StateError(f"Cannot store the timestamp: {error}") from error
        else:
            return True
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _refresh_timestamp(self, stamp: bytes, staging: Path, now: datetime) -> None:
        try:
            self._updater({_METADATA[0]: stamp}, staging, now).refresh()
        except tuf_errors.DownloadHTTPError as error:
            # The client has verified the timestamp by now, and asks for the snapshot
            # that it names and that we do not hold.
            raise ReleaseWithheldError(
                "The timestamp names a newer release than the edge delivers."
            ) from error

    def _verify_staged(
        self,
        files: Mapping[str, bytes],
        *,
        now: datetime,
        held: Held | None,
        trace: Trace,
        is_start: bool = False,
    ) -> Verified:
        staging = self._stage()
        try:
            return self._verify_in(
                staging, files, now=now, held=held, trace=trace, is_start=is_start
            )
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise

    def _verify_in(
        self,
        staging: Path,
        files: Mapping[str, bytes],
        *,
        now: datetime,
        held: Held | None,
        trace: Trace,
        is_start: bool,
    ) -> Verified:
        before = _timestamp_version(staging / "tuf")
        with trace.step(Step.SIGNATURES):
            signed = self._signed_target(files, staging, now, held)
        with trace.step(Step.TENANT, signed.tenant):
            self._check_tenant(signed.tenant)
        with trace.step(Step.REVISION, str(signed.revision)):
            is_change = self._check_revision(signed, held)
        with trace.step(Step.CONTENT, signed.state_digest):
            content, changes = read_content(files, held)
            self._check_manifest(content.manifest, signed, now)
            if changes is not None or TARGET_PATH not in files:
                check_proven(content.manifest, signed)
        with trace.step(Step.ENGINE, f"{len(content.state.records)} records"):
            engine = build_engine(content, held, changes)
        tests = SelfTest()
        # What is on disk passed before; denying everything would mend nothing.
        if is_change and not is_start:
            with trace.step(Step.SELF_TEST):
                tests = run_self_test(content.state.records, changes)
        is_fresher = _timestamp_version(staging / "tuf") > before
        bundle = files.get(TARGET_PATH)
        return Verified(content, engine, staging, bundle, is_change, is_fresher, tests)

    def _signed_target(
        self,
        files: Mapping[str, bytes],
        staging: Path,
        now: datetime,
        held: Held | None,
    ) -> TargetClaim:
        with _translated():
            updater = self._updater(files, staging, now)
            updater.refresh()
            target = updater.get_targetinfo(TARGET_PATH)
            if target is None:
                raise BundleMalformedError(f"Nobody signed for {TARGET_PATH}.")
            claim = TargetClaim.from_target(target)
            if TARGET_PATH in files:
                target.verify_length_and_hashes(files[TARGET_PATH])
            elif STATE_PATH not in files:
                name = name_of_delta(files, held)
                check_signed(updater.get_targetinfo(name), files[name], held, claim)
        return claim

    def _updater(
        self, files: Mapping[str, bytes], staging: Path, now: datetime
    ) -> Updater:
        updater = Updater(
            metadata_dir=str(staging / "tuf"),
            metadata_base_url=_URL,
            target_base_url=_URL,
            fetcher=OneShotFetcher(files),
            config=UpdaterConfig(prefix_targets_with_hash=False),
            bootstrap=self._root,
        )
        # The client reads the clock by itself and offers no argument for it. One time
        # for all steps, and the time of acceptance for a release on disk, need this.
        updater._trusted_set.reference_time = now  # noqa: SLF001
        return updater

    def _check_tenant(self, tenant: str) -> None:
        if tenant != self._identity.tenant:
            raise WrongTenantError(
                f"The release is signed for tenant {tenant}, "
                f"this node belongs to {self._identity.tenant}."
            )

    def _check_revision(self, signed: TargetClaim, held: Held | None) -> bool:
        floor = self._identity.floor if held is None else held.revision
        if signed.revision < floor:
            raise BundleRollbackError(
                f"Revision {signed.revision} is older than {floor}."
            )
        if held is None or signed.revision > held.revision:
            return True
        if signed.state_digest != held.fingerprint:
            raise BundleTamperedError(
                f"Revision {signed.revision} was signed twice, for different states."
            )
        return False

    def _check_manifest(
        self, manifest: Manifest, signed: TargetClaim, now: datetime
    ) -> None:
        self._check_tenant(manifest.tenant)
        if manifest.state_digest != signed.state_digest:
            raise BundleDigestError(
                f"The state digest is {manifest.state_digest}, "
                f"signed is {signed.state_digest}."
            )
        if manifest.revision != signed.revision:
            raise BundleTamperedError(
                f"The manifest says revision {manifest.revision}, "
                f"signed is {signed.revision}."
            )
        if manifest.not_before and now < datetime.fromisoformat(manifest.not_before):
            raise NotYetValidError(
                f"Revision {manifest.revision} counts from {manifest.not_before}."
            )

    def _stage(self) -> Path:
        """Copy the trusted metadata aside, for verification to work on."""
        try:
            folder = Path(tempfile.mkdtemp(prefix=STAGING, dir=self._scratch))
            trusted = self._paths.current / "tuf"
            if trusted.is_dir():
                shutil.copytree(trusted, folder / "tuf", symlinks=True)
            else:
                (folder / "tuf").mkdir()
        except OSError as error:
            raise StateError(f"Cannot stage trust metadata: {error}") from error
        return folder


def check_root(data: bytes, *, expected: str | None) -> int:
    """Return the version of a TUF root that is signed by itself, or raise.

    `expected` is its digest, "sha256:<hex>", when the operator got it another way than
    from the edge.
    """
    found = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if expected is not None and found != expected:
        raise BundleTamperedError(f"The root's digest is {found}, not {expected}.")
    with _translated():
        root = Metadata[Root].from_bytes(data)
        if root.signed.type != Root.type:
            raise BundleMalformedError(f"Expected a root, got {root.signed.type}.")
        root.signed.verify_delegate(Root.type, root.signed_bytes, root.signatures)
        return root.signed.version


def _timestamp_version(folder: Path) -> int:
    try:
        content = (folder / _METADATA[0]).read_bytes()
        return Metadata[Timestamp].from_bytes(content).signed.version
    except (FileNotFoundError, tuf_errors.RepositoryError):
        return 0


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn each refusal of the TUF client into ours, from narrow to wide."""
    try:
        yield
    except (tuf_errors.UnsignedMetadataError, tuf_errors.DownloadHTTPError) as error:
        raise BundleUnsignedError(str(error)) from error
    except tuf_errors.BadVersionNumberError as error:
        raise BundleRollbackError(str(error)) from error
    except tuf_errors.ExpiredMetadataError as error:
        raise BundleExpiredError(str(error)) from error
    except (
        tuf_errors.LengthOrHashMismatchError,
        tuf_errors.DownloadLengthMismatchError,
    ) as error:
        raise BundleTamperedError(str(error)) from error
    except (tuf_errors.RepositoryError, tuf_errors.DownloadError) as error:
        raise BundleMalformedError(str(error)) from error
    except (ValueError, KeyError, TypeError) as error:
        # What python-tuf raises for JSON that is well formed but not metadata.
        raise BundleMalformedError(f"Not TUF metadata: {error}") from error
