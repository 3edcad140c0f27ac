"""Who is asked, what is advised, and what silence means."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.reviews import rules
from apps.reviews.choices import Advice, Recurrence, Reviewers, Silence, Verdict
from apps.reviews.errors import (
    CampaignInvalidError,
    NotReviewerError,
    OwnItemError,
    ReasonMissingError,
)
from apps.reviews.rules import CampaignSpec, Subject

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
ANN, BOB, CAT, DAN = PEOPLE = [uuid.UUID(int=n) for n in range(1, 5)]


def asked(kind: Reviewers, subject: Subject, named: set[uuid.UUID]) -> set[uuid.UUID]:
    return set(rules.reviewers_of(kind, subject, named=named, admins={DAN}))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Reviewers.OWNERS, {CAT}),
        (Reviewers.MANAGER, {BOB}),
        (Reviewers.NAMED, {BOB}),
        (Reviewers.SELF, {ANN}),
    ],
)
def test_the_campaign_says_who_is_asked(
    kind: Reviewers, expected: set[uuid.UUID]
) -> None:
    subject = Subject(ANN, manager=BOB, owners={ANN, CAT})
    assert asked(kind, subject, {ANN, BOB}) == expected


@pytest.mark.parametrize("kind", list(Reviewers))
def test_when_nobody_is_left_security_admins_are_asked(kind: Reviewers) -> None:
    assert asked(kind, Subject(None), set()) == {DAN}


_people = st.frozensets(st.sampled_from(PEOPLE))
_person = st.none() | st.sampled_from(PEOPLE)


@given(
    kind=st.sampled_from([k for k in Reviewers if k != Reviewers.SELF]),
    person=st.sampled_from(PEOPLE),
    manager=_person,
    owners=_people,
    named=_people,
    admins=_people,
)
def test_nobody_is_asked_about_their_own_access(
    kind: Reviewers,
    person: uuid.UUID,
    manager: uuid.UUID | None,
    owners: frozenset[uuid.UUID],
    named: frozenset[uuid.UUID],
    admins: frozenset[uuid.UUID],
) -> None:
    subject = Subject(person, manager, owners)
    assert person not in rules.reviewers_of(kind, subject, named=named, admins=admins)


@pytest.mark.parametrize(
    ("last_use", "since", "known_from", "expected"),
    [
        (NOW - DAY, NOW - 90 * DAY, NOW - 90 * DAY, Advice.USED),
        (NOW - 30 * DAY, NOW - 90 * DAY, NOW - 90 * DAY, Advice.UNUSED),
        (None, NOW - 90 * DAY, NOW - 90 * DAY, Advice.UNUSED),
        (None, NOW - 29 * DAY, NOW - 90 * DAY, Advice.NO_DATA),
        (None, NOW - 90 * DAY, NOW - 29 * DAY, Advice.NO_DATA),
        (None, NOW - 90 * DAY, None, Advice.NO_DATA),
    ],
)
def test_silence_of_the_logs_says_something_only_if_they_are_old_enough(
    last_use: dt.datetime | None,
    since: dt.datetime,
    known_from: dt.datetime | None,
    expected: Advice,
) -> None:
    found = rules.advise(last_use, since=since, known_from=known_from, now=NOW)
    assert found is expected


@pytest.mark.parametrize(
    ("verdict", "silence", "advice", "expected"),
    [
        ("keep", Silence.REVOKE, Advice.UNUSED, Verdict.KEEP),
        ("revoke", Silence.KEEP, Advice.USED, Verdict.REVOKE),
        ("", Silence.KEEP, Advice.UNUSED, Verdict.KEEP),
        ("", Silence.REVOKE, Advice.USED, Verdict.REVOKE),
        ("", Silence.ADVICE, Advice.UNUSED, Verdict.REVOKE),
        ("", Silence.ADVICE, Advice.NO_DATA, Verdict.KEEP),
        ("", Silence.ADVICE, Advice.USED, Verdict.KEEP),
    ],
)
def test_what_was_decided_counts_before_what_silence_means(
    verdict: str, silence: str, advice: str, expected: Verdict
) -> None:
    assert rules.outcome(verdict, silence, advice) is expected


def test_nobody_decides_on_their_own_access() -> None:
    with pytest.raises(OwnItemError):
        rules.check_decision(
            who=ANN, person=ANN, reviewers=[ANN], is_admin=True, is_self_review=False
        )
    rules.check_decision(
        who=ANN, person=ANN, reviewers=[ANN], is_admin=False, is_self_review=True
    )


def test_only_who_is_asked_or_a_security_admin_decides() -> None:
    with pytest.raises(NotReviewerError):
        rules.check_decision(
            who=BOB, person=ANN, reviewers=[CAT], is_admin=False, is_self_review=False
        )
    rules.check_decision(
        who=BOB, person=ANN, reviewers=[CAT], is_admin=True, is_self_review=False
    )


def test_revoking_needs_a_reason_and_keeping_does_not() -> None:
    assert rules.check_reason("", Verdict.KEEP) == ""
    with pytest.raises(ReasonMissingError):
        rules.check_reason(" no ", Verdict.REVOKE)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": " "},
        {"days": 0},
        {"days": 91},
        {"recurrence": 2},
        {"recurrence": 1, "days": 28},
        {"cap": -1},
        {"reviewers": "named"},
    ],
    ids=str,
)
def test_a_campaign_that_makes_no_sense_is_refused(changes: dict[str, object]) -> None:
    rules.check_campaign(CampaignSpec("Roles"))
    with pytest.raises(CampaignInvalidError):
        rules.check_campaign(CampaignSpec(**({"name": "Roles"} | changes)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("opened", "months", "expected"),
    [
        ((2026, 11, 21), 1, (2026, 12, 21)),
        ((2026, 12, 31), 6, (2027, 6, 30)),
        ((2026, 11, 30), 3, (2027, 2, 28)),
        ((2024, 2, 29), 12, (2025, 2, 28)),
    ],
)
def test_a_campaign_opens_on_the_same_day_or_the_last_of_the_month(
    opened: tuple[int, int, int], months: int, expected: tuple[int, int, int]
) -> None:
    moment = dt.datetime(*opened, 8, tzinfo=dt.UTC)
    found = rules.next_opening(moment, months)
    assert found == dt.datetime(*expected, 8, tzinfo=dt.UTC)


def test_a_campaign_by_hand_does_not_open_again() -> None:
    assert rules.next_opening(NOW, Recurrence.ONCE) is None


@pytest.mark.parametrize(
    ("days", "expected"), [(0, 0), (6, 0), (7, 1), (12, 1), (13, 2), (14, 2)]
)
def test_reminders_are_due_half_way_and_a_day_before(days: int, expected: int) -> None:
    assert rules.reminders_due(NOW, NOW + 14 * DAY, NOW + days * DAY) == expected
