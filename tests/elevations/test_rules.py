"""Ceilings, clocks, tickets, and who may end what."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.elevations import rules
from apps.elevations.choices import ElevationState
from apps.elevations.errors import (
    ElevationExpiredError,
    ElevationStateError,
    EligibilityInvalidError,
    MinutesInvalidError,
    ReasonMissingError,
    TicketInvalidError,
)
from apps.elevations.rules import Clocks, ElevationSpec, EligibilitySpec, Terms

NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
ANY = uuid.UUID(int=1)


def spec(
    minutes: int = 5, reason: str = "The shop hangs.", ticket: str = ""
) -> ElevationSpec:
    return ElevationSpec(ANY, minutes, reason, ticket)


@pytest.mark.parametrize(
    ("tier", "ceiling"), [("read_only", 120), ("operator", 30), ("admin", 10)]
)
def test_no_offer_goes_beyond_the_ceiling_of_its_tier(tier: str, ceiling: int) -> None:
    terms = Terms(tier, 10_000)
    rules.check_request(spec(ceiling), terms)
    with pytest.raises(MinutesInvalidError):
        rules.check_request(spec(ceiling + 1), terms)


def test_an_unknown_tier_is_held_for_no_time_at_all() -> None:
    with pytest.raises(MinutesInvalidError):
        rules.check_request(spec(1), Terms("root", 60))


@pytest.mark.parametrize("minutes", [0, -1, 6])
def test_no_time_and_more_than_the_offer_are_refused(minutes: int) -> None:
    with pytest.raises(MinutesInvalidError) as caught:
        rules.check_request(spec(minutes), Terms("operator", 5))
    assert caught.value.field == "minutes"


@pytest.mark.parametrize("tier", ["read_only", "operator", "admin"])
def test_what_is_proposed_is_shorter_than_what_may_be_asked(tier: str) -> None:
    terms = Terms(tier, 120)
    assert 1 <= rules.default_minutes(terms) < terms.longest


@pytest.mark.parametrize("reason", ["", "         ", "too short", "x" * 501])
def test_a_reason_is_a_sentence(reason: str) -> None:
    with pytest.raises(ReasonMissingError):
        rules.check_request(spec(reason=reason), Terms("operator", 30))


def test_a_ticket_matches_the_pattern_as_a_whole() -> None:
    terms = Terms("operator", 30, r"OPS-\d+")
    rules.check_request(spec(ticket=" OPS-17 "), terms)
    for ticket in ("", "OPS-", "xOPS-17", "OPS-17x", "OPS-\u0661", "O" * 65):
        with pytest.raises(TicketInvalidError):
            rules.check_request(spec(ticket=ticket), terms)


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+", ".*", "a|b", "[", r"\w+", "a+b+c+d+", "^a$", "x" * 101, "a{1,99999}"],
)
def test_a_pattern_that_could_take_long_to_match_is_refused(pattern: str) -> None:
    with pytest.raises(EligibilityInvalidError) as caught:
        rules.check_eligibility(
            EligibilitySpec("Restart", ANY, 5, principal=ANY, ticket_pattern=pattern),
            "operator",
        )
    assert caught.value.field == "ticket_pattern"


@pytest.mark.parametrize(
    "changed",
    [
        {"purpose": "  "},
        {"purpose": "x" * 121},
        {"max_minutes": 0},
        {"max_minutes": 31},
        {"principal": None},
        {"group": ANY},
    ],
    ids=str,
)
def test_an_offer_that_is_not_whole_is_refused(changed: dict[str, object]) -> None:
    values = {"purpose": "Restart", "role": ANY, "max_minutes": 30, "principal": ANY}
    rules.check_eligibility(EligibilitySpec(**values), "operator")  # type: ignore[arg-type]
    with pytest.raises(EligibilityInvalidError):
        rules.check_eligibility(EligibilitySpec(**(values | changed)), "operator")  # type: ignore[arg-type]


def clocks(state: ElevationState, **changed: object) -> Clocks:
    values: dict[str, object] = {
        "approved_at": NOON,
        "starts_at": NOON,
        "ends_at": NOON + dt.timedelta(minutes=5),
    }
    return Clocks(state, 5, NOON, **(values | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "after", "into"),
    [
        (ElevationState.PENDING, dt.timedelta(hours=1), ElevationState.EXPIRED),
        (ElevationState.APPROVED, dt.timedelta(minutes=15), ElevationState.EXPIRED),
        (ElevationState.ACTIVE, dt.timedelta(minutes=5), ElevationState.ENDED),
    ],
)
def test_each_clock_ends_its_state_at_its_instant(
    state: ElevationState, after: dt.timedelta, into: ElevationState
) -> None:
    end = NOON + after
    assert rules.state_at(clocks(state), end - dt.timedelta(microseconds=1)) is state
    assert rules.state_at(clocks(state), end) is into


@pytest.mark.parametrize("state", ["denied", "cancelled", "expired", "ended"])
def test_what_is_over_stays_over(state: str) -> None:
    found = clocks(ElevationState(state))
    assert rules.state_at(found, NOON + dt.timedelta(days=9)) is ElevationState(state)
    with pytest.raises(ElevationStateError):
        rules.check_activation(found, NOON)


def test_only_what_is_approved_is_activated_and_only_in_time() -> None:
    rules.check_activation(clocks(ElevationState.APPROVED), NOON)
    late = NOON + rules.ACTIVATION
    with pytest.raises(ElevationExpiredError):
        rules.check_activation(clocks(ElevationState.APPROVED), late)
    for state in (ElevationState.PENDING, ElevationState.ACTIVE):
        with pytest.raises(ElevationStateError):
            rules.check_activation(clocks(state), NOON)


def test_waiting_takes_nothing_from_the_access() -> None:
    now = NOON + rules.ACTIVATION - SECOND
    starts, ends = rules.access_times(10, now=now, extended_end=None)
    assert (starts, ends) == (now, now + dt.timedelta(minutes=10))


@given(left=st.integers(-600, 600), minutes=st.integers(1, 120))
def test_an_extension_neither_shortens_nor_overlaps_what_it_extends(
    left: int, minutes: int
) -> None:
    end = NOON + dt.timedelta(seconds=left)
    starts, ends = rules.access_times(minutes, now=NOON, extended_end=end)
    assert starts == max(NOON, end)
    assert ends - starts == dt.timedelta(minutes=minutes)


def test_the_holder_is_warned_at_four_fifths() -> None:
    end = NOON + dt.timedelta(minutes=10)
    assert rules.warns_at(NOON, end) == NOON + dt.timedelta(minutes=8)


def test_holder_approver_and_security_admin_end_it_and_nobody_else() -> None:
    holder, approver, other = (uuid.UUID(int=n) for n in (1, 2, 3))

    def may(person: uuid.UUID | None, *, admin: bool = False) -> bool:
        return rules.may_end(
            person=person,
            holder=holder,
            approvers=[approver],
            is_security_admin=admin,
        )

    assert may(holder)
    assert may(approver)
    assert may(other, admin=True)
    assert not may(other)
    assert not may(None, admin=True)
