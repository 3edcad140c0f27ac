"""How a node stands follows from what it should hold, what it says, and when."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.distribution import rules
from apps.distribution.choices import SyncState

NOW = dt.datetime(2026, 11, 21, 6, 0, tzinfo=dt.UTC)
EXPECTED = rules.Expected(7, "sha256:right", NOW)
REPORTS = st.builds(
    rules.Reported,
    revision=st.none() | st.integers(0, 10),
    fingerprint=st.sampled_from(["", "sha256:right", "sha256:wrong"]),
    error=st.sampled_from(["", "bundle.tampered"]),
    seen_at=st.integers(0, 300).map(lambda s: NOW - dt.timedelta(seconds=s)),
)


def state(reported: rules.Reported | None) -> SyncState:
    return rules.standing(EXPECTED, reported, now=NOW).state


def said(
    revision: int | None = 7,
    fingerprint: str = "sha256:right",
    error: str = "",
    age: int = 0,
) -> rules.Reported:
    seen_at = NOW - dt.timedelta(seconds=age)
    return rules.Reported(revision, fingerprint, error, seen_at)


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        (None, SyncState.NEW),
        (said(), SyncState.IN_SYNC),
        (said(age=90), SyncState.IN_SYNC),
        (said(age=91), SyncState.SILENT),
        (said(revision=6), SyncState.BEHIND),
        (said(revision=None), SyncState.BEHIND),
        (said(fingerprint="sha256:wrong"), SyncState.DRIFTED),
        (said(error="bundle.tampered"), SyncState.FAILED),
        (said(revision=6, error="bundle.tampered"), SyncState.FAILED),
        (said(error="bundle.tampered", age=91), SyncState.SILENT),
    ],
)
def test_the_most_urgent_explanation_wins(
    reported: rules.Reported | None, expected: SyncState
) -> None:
    assert state(reported) is expected


def test_a_node_whose_self_test_failed_says_which_tests() -> None:
    names = ("p#one", "p#two", "q#three", "q#four")
    found = dataclasses.replace(said(error="self_test_failed"), failed_tests=names)
    standing = rules.standing(EXPECTED, found, now=NOW)
    assert standing.state is SyncState.FAILED
    assert standing.reason == (
        "It refused revision 7: self_test_failed, p#one, p#two, q#three and 1 more."
    )


@given(REPORTS)
def test_in_sync_means_the_right_records_without_error_and_lately(
    reported: rules.Reported,
) -> None:
    is_right = reported.fingerprint == EXPECTED.state_digest and not reported.error
    is_late = reported.revision is not None and reported.revision >= EXPECTED.revision
    is_heard = NOW - reported.seen_at <= rules.SILENT_AFTER
    in_sync = state(reported) is SyncState.IN_SYNC
    assert in_sync is (is_right and is_late and is_heard)


@given(st.none() | REPORTS, st.sampled_from([EXPECTED, None]))
def test_every_standing_says_why(
    reported: rules.Reported | None, expected: rules.Expected | None
) -> None:
    assert rules.standing(expected, reported, now=NOW).reason.endswith(".")


@given(st.lists(st.sampled_from(SyncState)))
def test_the_share_lies_between_none_and_all(states: list[SyncState]) -> None:
    share = rules.share_in_sync(states)
    assert (share is None) is (not states)
    assert share is None or 0 <= share <= 1
    assert (share == 1) is (set(states) == {SyncState.IN_SYNC})


@given(st.integers(-(10**9), 10**9))
def test_a_lag_is_bounded_whatever_clocks_say(seconds: int) -> None:
    found = rules.lag(NOW, NOW + dt.timedelta(seconds=seconds))
    assert found is not None
    assert dt.timedelta(0) <= found <= rules.LONGEST_LAG


@pytest.mark.parametrize(("boot", "counter"), [("a", 5), ("a", 4), ("b", 0)])
def test_a_counter_that_did_not_grow_is_refused(boot: str, counter: int) -> None:
    assert not rules.is_newer_receipt(
        last_boot="a", last_counter=5, boot=boot, counter=counter
    )


@pytest.mark.parametrize(("boot", "counter"), [("a", 6), ("b", 1)])
def test_a_counter_that_grew_or_a_new_run_is_accepted(boot: str, counter: int) -> None:
    assert rules.is_newer_receipt(
        last_boot="a", last_counter=5, boot=boot, counter=counter
    )
