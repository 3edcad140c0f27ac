"""How a node stands, and how a fleet does. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from apps.distribution.choices import SyncState

# A parked poll is answered after 25 s at the latest; a healthy node asks again then.
SILENT_AFTER = dt.timedelta(seconds=90)
# What an agent says when a release does not answer as the tests that it carries.
SELF_TEST_FAILED = "self_test_failed"
_MOST_NAMED = 3
LONGEST_LAG = dt.timedelta(days=14)


@dataclass(frozen=True)
class Expected:
    """What a node should run: the newest signed release."""

    revision: int
    state_digest: str
    published_at: dt.datetime


@dataclass(frozen=True)
class Reported:
    """What a node said last."""

    revision: int | None
    fingerprint: str
    error: str
    seen_at: dt.datetime
    failed_tests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Standing:
    """A state and the sentence that explains it."""

    state: SyncState
    reason: str


def standing(
    expected: Expected | None, reported: Reported | None, *, now: dt.datetime
) -> Standing:
    """Judge one node. The most urgent explanation wins."""
    if reported is None:
        return Standing(SyncState.NEW, "It has enrolled but not reported yet.")
    silence = now - reported.seen_at
    if silence > SILENT_AFTER:
        seconds = int(silence.total_seconds())
        return Standing(SyncState.SILENT, f"Nothing heard for {seconds} s.")
    if expected is None:
        return Standing(SyncState.IN_SYNC, "There is no release yet.")
    if reported.error:
        return Standing(
            SyncState.FAILED,
            f"It refused revision {expected.revision}: {_refusal(reported)}.",
        )
    if reported.revision is None or reported.revision < expected.revision:
        held = "nothing" if reported.revision is None else f"{reported.revision}"
        return Standing(
            SyncState.BEHIND, f"It runs {held} instead of {expected.revision}."
        )
    if reported.fingerprint != expected.state_digest:
        return Standing(
            SyncState.DRIFTED,
            f"It says revision {reported.revision} but holds other records.",
        )
    return Standing(SyncState.IN_SYNC, f"It runs revision {expected.revision}.")


def _refusal(reported: Reported) -> str:
    if reported.error != SELF_TEST_FAILED or not reported.failed_tests:
        return reported.error
    named = ", ".join(reported.failed_tests[:_MOST_NAMED])
    more = len(reported.failed_tests) - _MOST_NAMED
    rest = f" and {more} more" if more > 0 else ""
    return f"{reported.error}, {named}{rest}"


def share_in_sync(states: Sequence[SyncState]) -> float | None:
    """Return the share of nodes in sync, from 0 to 1; None when there are none."""
    if not states:
        return None
    return sum(state is SyncState.IN_SYNC for state in states) / len(states)


def lag(
    published_at: dt.datetime | None, activated_at: dt.datetime | None
) -> dt.timedelta | None:
    """Return how long a release took to a node; at least zero if clocks differ.

    A node's clock may say anything, so the answer is bounded at the other end too.
    """
    if published_at is None or activated_at is None:
        return None
    return min(max(activated_at - published_at, dt.timedelta(0)), LONGEST_LAG)


def is_newer_receipt(
    *, last_boot: str, last_counter: int, boot: str, counter: int
) -> bool:
    """Say whether a signed report is newer than the last one of its node.

    Within one run of the agent the counter only grows; a new run starts over.
    """
    return counter > last_counter if boot == last_boot else counter >= 1
