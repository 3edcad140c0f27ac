"""Where a break-glass account stands follows from its uses and the time."""

from __future__ import annotations

import datetime as dt

import pytest

from apps.breakglass.choices import AccountState
from apps.breakglass.rules import (
    ActivationFacts,
    end_of,
    is_drill,
    is_drill_due,
    may_open,
    may_seal,
    state_of,
)

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
SECOND = dt.timedelta(seconds=1)
SEALED = NOW - dt.timedelta(days=30)


def use(
    ends: dt.timedelta,
    ended: dt.timedelta | None = None,
    closed: dt.timedelta | None = None,
) -> ActivationFacts:
    return ActivationFacts(
        ends_at=NOW + ends,
        ended_at=None if ended is None else NOW + ended,
        closed_at=None if closed is None else NOW + closed,
    )


@pytest.mark.parametrize(
    ("uses", "state"),
    [
        ([], AccountState.SEALED),
        ([use(SECOND)], AccountState.OPEN),
        ([use(0 * HOUR)], AccountState.REVIEW),
        ([use(HOUR, ended=-SECOND)], AccountState.REVIEW),
        ([use(-24 * HOUR + SECOND)], AccountState.REVIEW),
        ([use(-24 * HOUR)], AccountState.LOCKED),
        ([use(-48 * HOUR, closed=-25 * HOUR)], AccountState.SEALED),
        ([use(-48 * HOUR, closed=-24 * HOUR)], AccountState.LOCKED),
        ([use(-48 * HOUR, closed=-HOUR), use(HOUR)], AccountState.OPEN),
        ([use(-48 * HOUR), use(-HOUR)], AccountState.LOCKED),
    ],
    ids=[
        *("never", "open", "just-ended", "ended-by-hand", "due", "overdue"),
        *("reviewed", "reviewed-late", "again", "one-overdue"),
    ],
)
def test_the_state_follows_from_uses_and_time(
    uses: list[ActivationFacts], state: AccountState
) -> None:
    found = state_of(uses, sealed_at=SEALED, is_retired=False, now=NOW)
    assert found is state


def test_a_late_review_locks_until_the_account_is_sealed_after_it() -> None:
    late = use(-48 * HOUR, closed=-HOUR)

    def state(sealed: dt.timedelta) -> AccountState:
        return state_of([late], sealed_at=NOW + sealed, is_retired=False, now=NOW)

    assert state(-HOUR - SECOND) is AccountState.LOCKED
    assert state(-HOUR + SECOND) is AccountState.SEALED


def test_only_what_is_locked_or_retired_and_reviewed_is_sealed_again() -> None:
    assert [s for s in AccountState if may_seal(s, is_reviewed=True)] == [
        AccountState.LOCKED,
        AccountState.RETIRED,
    ]
    assert not any(may_seal(s, is_reviewed=False) for s in AccountState)


def test_a_drill_that_was_announced_an_hour_ago_is_none_any_more() -> None:
    assert is_drill(NOW - HOUR + SECOND, NOW)
    assert not is_drill(NOW - HOUR, NOW)
    assert not is_drill(None, NOW)


def test_a_retired_account_is_none_whatever_it_did() -> None:
    found = state_of([use(HOUR)], sealed_at=SEALED, is_retired=True, now=NOW)
    assert found is AccountState.RETIRED


def test_only_sealed_and_freshly_used_accounts_may_be_opened() -> None:
    assert [state for state in AccountState if may_open(state)] == [
        AccountState.SEALED,
        AccountState.REVIEW,
    ]


def test_an_end_by_hand_never_makes_an_activation_longer() -> None:
    assert end_of(use(-HOUR, ended=HOUR)) == NOW - HOUR


def test_a_drill_is_due_every_ninety_days() -> None:
    sealed = NOW - dt.timedelta(days=90)
    assert is_drill_due(sealed_at=sealed, drilled_at=None, now=NOW)
    assert not is_drill_due(sealed_at=sealed, drilled_at=NOW, now=NOW)
    assert not is_drill_due(sealed_at=sealed + SECOND, drilled_at=None, now=NOW)
