"""Where a break-glass account stands follows from its uses and the time."""

from __future__ import annotations

import datetime as dt

import pytest

from apps.breakglass.choices import AccountState
from apps.breakglass.rules import (
    ActivationFacts,
    end_of,
    is_drill_due,
    may_open,
    state_of,
)

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
SECOND = dt.timedelta(seconds=1)


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
        ([use(-48 * HOUR, closed=-HOUR)], AccountState.SEALED),
        ([use(-48 * HOUR, closed=-HOUR), use(HOUR)], AccountState.OPEN),
        ([use(-48 * HOUR), use(-HOUR)], AccountState.LOCKED),
    ],
    ids=[
        *("never", "open", "just-ended", "ended-by-hand", "due", "overdue"),
        *("reviewed", "again", "one-overdue"),
    ],
)
def test_the_state_follows_from_uses_and_time(
    uses: list[ActivationFacts], state: AccountState
) -> None:
    assert state_of(uses, is_retired=False, now=NOW) is state


def test_a_retired_account_is_none_whatever_it_did() -> None:
    assert state_of([use(HOUR)], is_retired=True, now=NOW) is AccountState.RETIRED


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
