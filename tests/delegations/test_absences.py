"""Approvers stand in for each other, and for nobody else."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.services import actor_for, revoke_membership
from apps.delegations import selectors, services
from apps.delegations.errors import (
    LoanDatesError,
    LoanNotFoundError,
    LoanStateError,
    NotYoursError,
    PersonUnfitError,
)
from apps.delegations.models import ApproverAbsence
from apps.delegations.rules import Times
from tests.delegations.conftest import HOUR, REASON
from tests.factories.access import SYSTEM
from tests.factories.accounts import MakeUser

pytestmark = pytest.mark.usefixtures("in_tenant")


@pytest.fixture
def ann(make_user: MakeUser) -> User:
    """Return an approver who will be away."""
    return make_user("ann", ["approver"])


@pytest.fixture
def bob(make_user: MakeUser) -> User:
    """Return another approver."""
    return make_user("bob", ["approver"])


def ask(ann: User, bob: User, hours: float = 2) -> ApproverAbsence:
    now = timezone.now()
    return services.offer_absence(
        actor=actor_for(ann),
        user=ann,
        stand_in=bob,
        times=Times(now, now + dt.timedelta(hours=hours)),
        reason=REASON,
    )


def agree(bob: User, row: ApproverAbsence) -> ApproverAbsence:
    return services.accept_absence(actor=actor_for(bob), user=bob, absence_id=row.pk)


def test_who_agreed_stands_in_while_the_absence_lasts(ann: User, bob: User) -> None:
    row = ask(ann, bob)
    assert selectors.standins(timezone.now()) == {}
    agree(bob, row)
    assert selectors.standins(timezone.now()) == {ann.pk: {bob.pk}}
    assert selectors.standins(row.end) == {}
    assert selectors.standins(row.start - HOUR) == {}


def test_an_absence_that_was_ended_counts_no_more(ann: User, bob: User) -> None:
    row = agree(bob, ask(ann, bob))
    services.end_absence(actor=actor_for(ann), user=ann, absence_id=row.pk)
    assert selectors.standins(timezone.now()) == {}


@pytest.mark.parametrize("who", ["ann", "bob"])
def test_who_is_no_approver_any_more_neither_stands_in_nor_is_stood_in_for(
    ann: User, bob: User, make_user: MakeUser, who: str
) -> None:
    make_user("admin", ["security_admin"])
    agree(bob, ask(ann, bob))
    user = {"ann": ann, "bob": bob}[who]
    revoke_membership(actor=SYSTEM, user=user)
    assert selectors.standins(timezone.now()) == {}


def test_an_absence_makes_nobody_an_approver(ann: User, make_user: MakeUser) -> None:
    for role in ("member", "auditor", "security_admin"):
        with pytest.raises(PersonUnfitError):
            ask(ann, make_user(role, [role]))


def test_who_is_no_approver_needs_no_stand_in(bob: User, make_user: MakeUser) -> None:
    with pytest.raises(NotYoursError):
        ask(make_user("cat", ["security_admin"]), bob)


def test_nobody_stands_in_for_themselves(ann: User) -> None:
    with pytest.raises(PersonUnfitError):
        ask(ann, ann)


def test_an_absence_is_at_most_90_days(ann: User, bob: User) -> None:
    ask(ann, bob, hours=90 * 24)
    with pytest.raises(LoanDatesError):
        ask(ann, bob, hours=90 * 24 + 1)


def test_only_who_was_asked_answers(ann: User, bob: User, make_user: MakeUser) -> None:
    row = ask(ann, bob)
    for user in (ann, make_user("cat", ["approver"])):
        with pytest.raises(LoanNotFoundError):
            agree(user, row)
    agree(bob, row)
    with pytest.raises(LoanStateError):
        agree(bob, row)


def test_others_do_not_end_an_absence(
    ann: User, bob: User, make_user: MakeUser
) -> None:
    row = agree(bob, ask(ann, bob))
    cat = make_user("cat", ["approver"])
    with pytest.raises(LoanNotFoundError):
        services.end_absence(actor=actor_for(cat), user=cat, absence_id=row.pk)
