"""What a release promises, and when one is due. Values in, values out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


class Due(StrEnum):
    """What has to be done about the newest release, given the live state."""

    NOTHING = "nothing"
    SIGN = "sign"
    BUILD = "build"


@dataclass(frozen=True)
class Newest:
    """The newest release of a tenant, as far as the decision needs it."""

    revision: int
    state_digest: str
    is_signed: bool


def due(newest: Newest | None, state_digest: str) -> Due:
    """Say whether a release is due.

    A release that was built and not signed is signed as it is, because a crash must not
    cost a number; one whose state is no longer live is not worth a signature.
    """
    if newest is None or newest.state_digest != state_digest:
        return Due.BUILD
    return Due.NOTHING if newest.is_signed else Due.SIGN


def etag(state_digest: str, revision: int) -> str:
    """Return the strong entity tag of a release, quotes included (RFC 9110, 8.8.3)."""
    return f'"{state_digest}.{revision}"'


@dataclass(frozen=True)
class SignedRelease:
    """What the key store made for one release: final bytes and TUF metadata."""

    snapshot: bytes
    targets_metadata: bytes
    snapshot_metadata: bytes
    key_ids: tuple[str, ...]


@dataclass(frozen=True)
class SignedTimestamp:
    """A timestamp and the number that it must be the first to carry."""

    metadata: bytes
    version: int
    signed_at: datetime
    expires_at: datetime


def rfc3339(moment: datetime) -> str:
    """Return a moment in UTC to the second (RFC 3339)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
