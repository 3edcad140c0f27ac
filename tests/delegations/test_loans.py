"""Who may lend what to whom, and how it ends."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.services import actor_for
from apps.audit.models import AuditEntry
from apps.core.errors import ForbiddenError, InvalidError, PortwardError
from apps.delegations import selectors, services
from apps.delegations.choices import LoanState
from apps.delegations.errors import (
    DelegationNotAllowedError,
    LoanDatesError,
    LoanNotFoundError,
    LoanStateError,
    NotHeldError,
    NotYoursError,
    PersonUnfitError,
    ReasonMissingError,
    RedelegationError,
)
from apps.delegations.models import Delegation
from apps.delegations.rules import Limits
from apps.notifications.models import Notification
from apps.roles import services as roles
from apps.roles.models import Assignment
from apps.roles.rules import AssignmentSpec
from apps.roles.selectors import live_assignments, live_records
from engine.decide import PolicyEngine, Request
from protocol.records import EntityRef, Head
from tests.delegations.conftest import (
    HOUR,
    SHOP,
    WEB,
    WEB_1,
    accept,
    allow,
    assign,
    lend,
    offer,
    person,
    ref,
)
from tests.engine.builders import policy
from tests.factories.access import SYSTEM
from tests.factories.accounts import MakeUser


def may_deploy(user: User, resource: EntityRef = SHOP) -> bool:
    """Ask the engine with what a release would carry now."""
    records = [
        *live_records(),
        policy("p", principal=Head("in", "Role", "developer")),
    ]
    asked = Request(
        ref(user), "deploy", resource, timezone.now() + 10 * dt.timedelta(seconds=1)
    )
    return PolicyEngine.from_records(records, {}).decide(asked).allowed


def own_of(user: User) -> Assignment:
    return live_assignments(timezone.now()).get(principal__user=user, source="standing")


def test_what_is_lent_and_accepted_is_held(alice: User, ben: User) -> None:
    row = offer(alice, ben)
    assert not may_deploy(ben)

    accept(ben, row)

    assert may_deploy(ben)
    assert may_deploy(alice)


def test_the_assignment_names_who_lends_and_by_which_way(
    alice: User, ben: User
) -> None:
    row = lend(alice, ben)
    assert row.assignment is not None
    made = Assignment.objects.get(pk=row.assignment.pk)
    assert (made.source, made.delegator) == ("delegation", row.delegator)
    assert (made.workflow, made.workflow_id) == ("delegation", row.pk)
    assert not made.is_out_of_band


def test_a_tenant_allows_no_delegation_unless_it_says_so(
    alice: User, ben: User
) -> None:
    assert Limits() == Limits(is_allowed=False, max_days=30, max_depth=1)
    services.set_policy(actor=SYSTEM, limits=Limits())
    with pytest.raises(DelegationNotAllowedError):
        offer(alice, ben)


def test_an_offer_made_before_the_switch_is_off_cannot_be_accepted(
    alice: User, ben: User
) -> None:
    row = offer(alice, ben)
    services.set_policy(actor=SYSTEM, limits=Limits())
    with pytest.raises(LoanStateError):
        accept(ben, row)


def test_switching_it_off_ends_everything_that_is_lent(alice: User, ben: User) -> None:
    lend(alice, ben)
    services.set_policy(actor=SYSTEM, limits=Limits())
    assert not may_deploy(ben)
    assert may_deploy(alice)


def test_what_the_delegator_inherits_can_be_lent(alice: User, ben: User) -> None:
    row = lend(alice, ben, role="reader")
    assert row.role.slug == "reader"
    assert not may_deploy(ben)


def test_what_the_delegator_does_not_hold_cannot_be_lent(
    alice: User, ben: User
) -> None:
    with pytest.raises(NotHeldError):
        offer(alice, ben, role="owner")


def test_who_holds_nothing_lends_nothing(ben: User, cat: User) -> None:
    with pytest.raises(NotHeldError):
        offer(ben, cat)


def test_a_right_for_a_group_is_lent_for_a_part_of_it_only(
    ben: User, cat: User
) -> None:
    assign(ben, "developer", scope=WEB)
    lend(ben, cat, scope=WEB_1)
    assert may_deploy(cat, WEB_1)
    assert not may_deploy(cat, SHOP)
    for scope in (None, SHOP):
        with pytest.raises(NotHeldError):
            offer(ben, cat, scope=scope)


def test_a_right_that_ends_is_lent_until_its_end_only(ben: User, cat: User) -> None:
    assign(ben, "developer", end=timezone.now() + HOUR)
    with pytest.raises(NotHeldError) as caught:
        offer(ben, cat, end=timezone.now() + 2 * HOUR)
    assert caught.value.field == "end"
    offer(ben, cat, end=timezone.now() + HOUR / 2)


def test_an_elevation_is_not_lent(ben: User, cat: User) -> None:
    assign(ben, "developer", source="elevation", end=timezone.now() + 3 * HOUR)
    with pytest.raises(NotHeldError):
        offer(ben, cat)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"reason": " a  b "}, ReasonMissingError),
        ({"end": timezone.now() - HOUR}, LoanDatesError),
        ({"end": timezone.now() + dt.timedelta(days=31)}, LoanDatesError),
        ({"start": timezone.now() + dt.timedelta(days=181)}, LoanDatesError),
        ({"role": "nothing"}, NotHeldError),
        ({"scope": EntityRef("Node", "nothing")}, InvalidError),
        ({"delegate": EntityRef("User", "nobody")}, PersonUnfitError),
        ({"delegate": EntityRef("User", "alice")}, PersonUnfitError),
        ({"may_redelegate": True}, RedelegationError),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_offer_that_makes_no_sense_is_refused(
    alice: User, ben: User, changes: dict[str, object], error: type[PortwardError]
) -> None:
    offer(alice, ben)
    with pytest.raises(error):
        offer(alice, ben, **changes)


def test_a_tenant_may_allow_fewer_days(alice: User, ben: User) -> None:
    allow(max_days=1)
    with pytest.raises(LoanDatesError):
        offer(alice, ben, end=timezone.now() + dt.timedelta(days=2))


def test_a_service_cannot_borrow_since_nobody_accepts_for_it(alice: User) -> None:
    with pytest.raises(PersonUnfitError):
        offer(
            alice,
            alice,
            delegate=EntityRef("Service", "spiffe://acme.example/checkout"),
        )


def test_only_the_delegate_accepts_or_declines(
    alice: User, ben: User, cat: User, admin: User
) -> None:
    row = offer(alice, ben)
    for user in (alice, cat, admin):
        for act in (services.accept, services.decline):
            with pytest.raises(LoanNotFoundError):
                act(actor=actor_for(user), user=user, delegation_id=row.pk)


def test_an_offer_is_answered_once(alice: User, ben: User) -> None:
    row = lend(alice, ben)
    with pytest.raises(LoanStateError):
        accept(ben, row)


def test_what_the_delegator_lost_meanwhile_cannot_be_accepted(
    alice: User, ben: User
) -> None:
    row = offer(alice, ben)
    roles.revoke_assignment(actor=SYSTEM, assignment_id=own_of(alice).pk)
    with pytest.raises(NotHeldError):
        accept(ben, row)


def test_the_delegate_loses_it_with_the_delegator(alice: User, ben: User) -> None:
    row = lend(alice, ben)
    roles.revoke_assignment(actor=SYSTEM, assignment_id=own_of(alice).pk)
    assert not may_deploy(ben)
    assert selectors.idle([row], timezone.now()) == {row.pk}


def test_a_delegation_that_counts_is_not_called_idle(alice: User, ben: User) -> None:
    row = lend(alice, ben)
    now = timezone.now() + dt.timedelta(seconds=1)
    assert selectors.idle([row], now) == frozenset()


def test_what_was_borrowed_is_not_passed_on_by_default(
    alice: User, ben: User, cat: User
) -> None:
    allow(max_depth=2)
    lend(alice, ben)
    with pytest.raises(RedelegationError):
        offer(ben, cat, end=timezone.now() + HOUR)


def test_what_may_be_passed_on_is_passed_on_once(
    alice: User, ben: User, cat: User, make_user: MakeUser
) -> None:
    allow(max_depth=2)
    first = lend(alice, ben, may_redelegate=True)
    with pytest.raises(RedelegationError):
        offer(ben, cat, end=timezone.now() + HOUR, may_redelegate=True)
    second = lend(ben, cat, end=timezone.now() + HOUR)
    assert (second.parent, second.depth) == (first, 2)
    assert may_deploy(cat)
    with pytest.raises(RedelegationError):
        offer(cat, person(make_user, "dan"), end=timezone.now() + HOUR / 2)


def test_a_tenant_of_depth_one_passes_nothing_on(
    alice: User, ben: User, cat: User
) -> None:
    allow(max_depth=2)
    lend(alice, ben, may_redelegate=True)
    allow(max_depth=1)
    with pytest.raises(RedelegationError):
        offer(ben, cat, end=timezone.now() + HOUR)


def test_nothing_is_lent_back_to_who_lent_it(alice: User, ben: User) -> None:
    allow(max_depth=2)
    lend(alice, ben, may_redelegate=True)
    with pytest.raises(RedelegationError):
        offer(ben, alice, end=timezone.now() + HOUR)


def test_taking_it_back_ends_all_that_was_passed_on(
    alice: User, ben: User, cat: User
) -> None:
    allow(max_depth=2)
    root = lend(alice, ben, may_redelegate=True)
    below = lend(ben, cat, end=timezone.now() + HOUR)

    ended = services.revoke(
        actor=actor_for(alice), user=alice, delegation_id=root.pk, reason="I am back."
    )

    assert {row.pk for row in ended} == {root.pk, below.pk}
    assert not may_deploy(ben)
    assert not may_deploy(cat)
    revoked = Assignment.objects.filter(source="delegation")
    assert {row.revoked_reason for row in revoked} == {"I am back."}


def test_what_is_passed_on_ends_without_what_it_was_passed_on_from(
    alice: User, ben: User, cat: User
) -> None:
    allow(max_depth=2)
    root = lend(alice, ben, may_redelegate=True)
    below = lend(ben, cat, end=timezone.now() + HOUR)
    services.revoke(actor=actor_for(cat), user=cat, delegation_id=below.pk)
    assert selectors.delegation_by_id(root.pk).state == LoanState.ACCEPTED
    assert may_deploy(ben)


@pytest.mark.parametrize("who", ["alice", "ben", "admin"])
def test_both_sides_and_a_security_admin_end_a_delegation(
    who: str, alice: User, ben: User, admin: User
) -> None:
    row = lend(alice, ben)
    user = {"alice": alice, "ben": ben, "admin": admin}[who]
    services.revoke(actor=actor_for(user), user=user, delegation_id=row.pk)
    assert not may_deploy(ben)


def test_nobody_else_ends_a_delegation(
    alice: User, ben: User, cat: User, make_user: MakeUser
) -> None:
    row = lend(alice, ben)
    auditor = make_user("auditor", ["auditor"])
    for user, error in ((cat, LoanNotFoundError), (auditor, NotYoursError)):
        with pytest.raises(error):
            services.revoke(actor=actor_for(user), user=user, delegation_id=row.pk)
    assert issubclass(NotYoursError, ForbiddenError)


def test_a_delegation_ends_also_if_its_assignment_was_revoked_before(
    alice: User, ben: User
) -> None:
    row = lend(alice, ben)
    assert row.assignment_id
    roles.revoke_assignment(actor=SYSTEM, assignment_id=row.assignment_id)
    services.revoke(actor=actor_for(alice), user=alice, delegation_id=row.pk)
    assert selectors.delegation_by_id(row.pk).state == LoanState.REVOKED


def test_what_is_over_is_expired_and_cannot_be_accepted(alice: User, ben: User) -> None:
    row = offer(alice, ben)
    Delegation.objects.filter(pk=row.pk).update(
        start=timezone.now() - 2 * HOUR, end=timezone.now() - HOUR
    )
    row.refresh_from_db()
    assert row.state_at(timezone.now()) is LoanState.EXPIRED
    with pytest.raises(LoanStateError):
        accept(ben, row)


def test_every_act_is_written_down(alice: User, ben: User) -> None:
    row = lend(alice, ben)
    services.revoke(actor=actor_for(ben), user=ben, delegation_id=row.pk)
    services.decline(actor=actor_for(ben), user=ben, delegation_id=offer(alice, ben).pk)
    acts = AuditEntry.objects.filter(target_type="Delegation").values_list(
        "action", flat=True
    )
    assert sorted(acts) == [
        "delegation.accepted",
        "delegation.declined",
        "delegation.offered",
        "delegation.offered",
        "delegation.revoked",
    ]


def test_the_own_right_is_lent_before_the_borrowed_one(
    alice: User, ben: User, cat: User
) -> None:
    allow(max_depth=2)
    lend(alice, ben, may_redelegate=True)
    roles.assign_role(actor=SYSTEM, spec=AssignmentSpec(ref(ben), "developer"))
    assert lend(ben, cat, end=timezone.now() + HOUR).parent is None


def test_both_sides_are_told_once_when_the_time_is_over(alice: User, ben: User) -> None:
    row = lend(alice, ben)
    told = Notification.objects.filter(event="delegation.ended")
    after = row.end

    assert services.tell_expired(now=after - dt.timedelta(microseconds=1)) == 0
    assert services.tell_expired(now=after) == 1
    assert services.tell_expired(now=after) == 0

    assert {one.user.username for one in told} == {"alice", "ben"}
    assert all("is over" in one.title for one in told)


def test_what_was_ended_before_its_time_is_not_told_of_again(
    alice: User, ben: User
) -> None:
    row = lend(alice, ben)
    services.revoke(actor=actor_for(alice), user=alice, delegation_id=row.pk)

    assert services.tell_expired(now=row.end) == 0


def test_what_ended_long_ago_is_no_news(alice: User, ben: User) -> None:
    row = lend(alice, ben)

    assert services.tell_expired(now=row.end + dt.timedelta(days=2)) == 0
