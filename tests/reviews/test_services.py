"""Campaigns ask, people answer, and what was decided is carried out at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest
from django.utils import timezone

from apps.accounts.errors import RoleRequiredError
from apps.accounts.models import User
from apps.accounts.services import actor_for
from apps.delegations import services as delegations
from apps.delegations.rules import Limits
from apps.distribution.models import GrantUse
from apps.notifications.models import Notification
from apps.outbox.models import OutboxMessage
from apps.reviews import selectors, services
from apps.reviews.choices import Outcome, RunState, Verdict
from apps.reviews.errors import (
    AlreadyOpenError,
    CampaignInvalidError,
    CountDiffersError,
    NothingToReviewError,
    NotReviewerError,
    OwnItemError,
    ReviewNotFoundError,
    RunStateError,
)
from apps.reviews.models import Campaign, Item, Run
from apps.reviews.rules import CampaignSpec
from apps.roles import services as roles
from apps.roles.models import Assignment, Principal, Resource, ResourceOwner
from apps.roles.rules import AssignmentSpec
from apps.tenants.models import Tenant
from protocol.records import EntityRef
from tests.factories.access import CHECKOUT, SYSTEM
from tests.factories.accounts import MakeUser
from tests.reviews.conftest import assign, campaign, opened, person, ref

DAY = dt.timedelta(days=1)
WEB = EntityRef("ResourceGroup", "web")
WEB_1 = EntityRef("Node", "web-1")
REASON = "They changed teams."


def items(run: Run) -> list[Item]:
    return list(selectors.items_of(run))


def keys(run: Run) -> list[str]:
    return [
        f"{row.assignment.principal.key} {row.assignment.role.slug}"
        for row in items(run)
    ]


def decide(
    user: User,
    run: Run,
    verdict: Verdict = Verdict.REVOKE,
    rows: Sequence[Item] | None = None,
) -> None:
    services.decide(
        actor=actor_for(user),
        user=user,
        run_id=run.pk,
        item_ids=[row.pk for row in rows or items(run)],
        verdict=verdict,
        reason=REASON,
    )


def apply(user: User | None, run: Run, confirmed: int | None = None) -> Run:
    actor = actor_for(user) if user else SYSTEM
    return services.apply_run(
        actor=actor, user=user, run_id=run.pk, confirmed=confirmed
    )


def end_time(run: Run) -> None:
    """Move a run into the past, so that its time is over."""
    Run.objects.filter(pk=run.pk).update(
        opened_at=timezone.now() - 15 * DAY, closes_at=timezone.now() - DAY
    )


@pytest.mark.usefixtures("alice")
def test_a_campaign_asks_about_what_matches_it(make_user: MakeUser) -> None:
    ben = person(make_user, "ben")
    assign(ben, "reader")
    assign(ben, "developer", scope=WEB)
    assert keys(opened(name="all")) == [
        "alice developer",
        "ben developer",
        "ben reader",
    ]
    assert keys(opened(name="role", roles=("reader",))) == ["ben reader"]
    assert keys(opened(name="tier", tiers=("read_only",))) == ["ben reader"]
    assert keys(opened(name="group", scopes=("ResourceGroup::web",))) == [
        "ben developer"
    ]
    assert keys(opened(name="everywhere", scopes=("everywhere",))) == [
        "alice developer",
        "ben reader",
    ]
    with pytest.raises(NothingToReviewError):
        opened(name="source", sources=("elevation",))


def test_a_campaign_has_one_open_run(alice: User) -> None:
    row = campaign()
    services.open_run(actor=actor_for(alice), campaign_id=row.pk)
    with pytest.raises(AlreadyOpenError):
        services.open_run(actor=actor_for(alice), campaign_id=row.pk)


@pytest.mark.usefixtures("alice")
def test_owners_are_asked_about_what_they_own(
    make_user: MakeUser, in_tenant: Tenant
) -> None:
    olga, ben = person(make_user, "olga"), person(make_user, "ben")
    ResourceOwner.objects.create(
        tenant=in_tenant,
        resource=Resource.objects.get(key="web"),
        principal=Principal.objects.get(user=olga),
    )
    assign(ben, "reader", scope=WEB_1)
    run = opened(scopes=("Node::web-1",))
    assert [set(row.reviewers.all()) for row in items(run)] == [{olga}]
    assert list(selectors.items_for(run, olga)) == items(run)
    assert list(selectors.items_for(run, ben)) == []
    assert [row.pk for row in selectors.open_runs_for(olga)] == [run.pk]
    notice = Notification.objects.get(user=olga)
    assert notice.path == f"/access/reviews/{run.pk}/"


def test_managers_are_asked_about_their_people(
    alice: User, make_user: MakeUser
) -> None:
    boss = person(make_user, "boss")
    Principal.objects.filter(user=alice).update(
        manager=Principal.objects.get(user=boss)
    )
    run = opened(reviewers="manager")
    assert [set(row.reviewers.all()) for row in items(run)] == [{boss}]


def test_only_who_is_asked_decides(
    alice: User, admin: User, make_user: MakeUser
) -> None:
    bob, cat = make_user("bob", ["approver"]), make_user("cat", ["approver"])
    run = opened(reviewers="named", named=(bob.pk,))
    with pytest.raises(NotReviewerError):
        decide(cat, run)
    with pytest.raises(OwnItemError):
        decide(alice, run)
    decide(bob, run)
    decide(admin, run, Verdict.KEEP)
    assert {row.verdict for row in items(run)} == {"keep"}


@pytest.mark.usefixtures("access")
def test_nobody_reviews_themselves_unless_the_campaign_asks_them(
    make_user: MakeUser,
) -> None:
    zoe = person(make_user, "zoe", "security_admin")
    assign(zoe, "developer")
    run = opened(name="named", reviewers="named", named=(zoe.pk,))
    mine = [row for row in items(run) if row.assignment.principal.user_id == zoe.pk]
    with pytest.raises(OwnItemError):
        decide(zoe, run, rows=mine)
    run = opened(name="self", reviewers="self")
    mine = [row for row in items(run) if row.assignment.principal.user_id == zoe.pk]
    decide(zoe, run, rows=mine)


@pytest.mark.usefixtures("alice")
def test_a_bulk_decision_is_all_or_nothing(make_user: MakeUser) -> None:
    bob = person(make_user, "bob", "approver")
    assign(bob, "reader")
    run = opened(reviewers="named", named=(bob.pk,))
    with pytest.raises(OwnItemError):
        decide(bob, run)
    assert {row.verdict for row in items(run)} == {""}


@pytest.mark.usefixtures("alice")
def test_items_of_another_review_are_not_found(admin: User) -> None:
    run, other = opened(name="one"), opened(name="two")
    with pytest.raises(ReviewNotFoundError):
        decide(admin, run, rows=items(other))


@pytest.mark.usefixtures("alice")
def test_after_its_time_a_review_takes_no_answers(admin: User) -> None:
    run = opened()
    end_time(run)
    with pytest.raises(RunStateError):
        decide(admin, run)


@pytest.mark.usefixtures("alice")
def test_applying_revokes_what_was_decided_and_keeps_the_rest(
    admin: User, make_user: MakeUser
) -> None:
    ben = person(make_user, "ben")
    assign(ben, "reader")
    run = opened()
    rows = items(run)
    decide(admin, run, rows=rows[:1])
    decide(admin, run, Verdict.KEEP, rows=rows[1:])
    OutboxMessage.objects.all().delete()

    run = apply(admin, run, confirmed=1)

    assert (run.state, run.closed_by) == (RunState.APPLIED, "admin")
    assert [row.outcome for row in items(run)] == [Outcome.REVOKED, Outcome.KEPT]
    gone = Assignment.objects.get(pk=rows[0].assignment_id)
    assert gone.revoked_reason == f"Review “All roles”: {REASON}"
    assert OutboxMessage.objects.filter(topic="roles.changed").count() == 1


@pytest.mark.usefixtures("alice")
def test_a_number_that_nobody_saw_is_not_confirmed(admin: User) -> None:
    run = opened()
    decide(admin, run)
    for number in (None, 0, 2):
        with pytest.raises(CountDiffersError):
            apply(admin, run, confirmed=number)
    assert Assignment.objects.filter(revoked_at__isnull=False).count() == 0


def test_only_a_security_admin_applies_or_cancels(
    alice: User, make_user: MakeUser
) -> None:
    run = opened()
    for user in (alice, make_user("bob", ["approver"])):
        with pytest.raises(RoleRequiredError):
            apply(user, run, confirmed=0)
        with pytest.raises(RoleRequiredError):
            services.cancel_run(
                actor=actor_for(user), user=user, run_id=run.pk, reason=""
            )


@pytest.mark.usefixtures("alice")
def test_a_review_is_applied_once(admin: User) -> None:
    run = opened()
    apply(admin, run, confirmed=0)
    with pytest.raises(RunStateError):
        apply(admin, run, confirmed=0)


@pytest.mark.usefixtures("alice")
def test_a_cancelled_review_changes_nothing(admin: User) -> None:
    run = opened()
    decide(admin, run)
    services.cancel_run(
        actor=actor_for(admin), user=admin, run_id=run.pk, reason="Wrong list."
    )
    assert Assignment.objects.filter(revoked_at__isnull=False).count() == 0
    opened(name="again")


@pytest.mark.usefixtures("alice")
def test_what_went_meanwhile_is_called_gone(admin: User) -> None:
    run = opened()
    row = items(run)[0]
    decide(admin, run)
    roles.revoke_assignment(actor=SYSTEM, assignment_id=row.assignment_id)
    apply(admin, run, confirmed=0)
    assert items(run)[0].outcome == Outcome.GONE


@pytest.mark.parametrize(
    ("silence", "outcome"), [("keep", Outcome.KEPT), ("revoke", Outcome.REVOKED)]
)
@pytest.mark.usefixtures("alice")
def test_when_its_time_is_over_silence_means_what_the_campaign_says(
    silence: str, outcome: Outcome
) -> None:
    run = opened(silence=silence)
    assert services.close_due() == 0
    end_time(run)
    assert services.close_due() == 1
    assert [row.outcome for row in items(run)] == [outcome]


@pytest.mark.usefixtures("alice")
def test_more_than_the_cap_is_held_back_until_an_admin_confirms(admin: User) -> None:
    run = opened(silence="revoke", cap=0)
    end_time(run)
    services.close_due()
    held = selectors.run_by_id(run.pk)
    assert held.state == RunState.HELD
    assert Assignment.objects.filter(revoked_at__isnull=False).count() == 0
    assert Notification.objects.filter(
        user=admin, path=f"/admin/reviews/run/{run.pk}/change/"
    ).exists()
    apply(admin, held, confirmed=1)
    assert Assignment.objects.filter(revoked_at__isnull=False).count() == 1


@pytest.mark.usefixtures("alice")
def test_the_advice_comes_from_what_nodes_decided(in_tenant: Tenant) -> None:
    mine = Assignment.objects.get()
    Assignment.objects.update(created_at=timezone.now() - 90 * DAY)
    assert items(opened(name="one"))[0].advice == "no_data"
    used = GrantUse.objects.create(
        tenant=in_tenant,
        assignment_id=mine.pk,
        last_at=timezone.now() - DAY,
        count=3,
    )
    assert items(opened(name="two"))[0].advice == "used"
    GrantUse.objects.filter(pk=used.pk).update(last_at=timezone.now() - 31 * DAY)
    row = items(opened(name="three"))[0]
    assert (row.advice, row.last_use is None) == ("unused", False)


@pytest.mark.usefixtures("alice")
def test_campaigns_open_when_their_time_has_come() -> None:
    row = campaign(recurrence=3)
    assert services.open_due() == 1
    assert services.open_due() == 0
    row.refresh_from_db()
    assert row.opens_at is not None
    assert row.opens_at > timezone.now() + 80 * DAY


@pytest.mark.parametrize("changes", [{"recurrence": 0}, {"is_active": False}], ids=str)
@pytest.mark.usefixtures("alice")
def test_a_campaign_that_is_off_does_not_open_by_itself(
    changes: dict[str, object],
) -> None:
    campaign(**({"recurrence": 3} | changes))
    assert services.open_due() == 0


@pytest.mark.usefixtures("access")
def test_a_campaign_without_matches_is_tried_next_time() -> None:
    row = campaign(recurrence=1, roles=("nobody-has-it",))
    assert services.open_due() == 0
    row.refresh_from_db()
    assert row.opens_at is not None
    assert row.opens_at > timezone.now()


@pytest.mark.usefixtures("alice")
def test_who_has_not_answered_is_reminded(make_user: MakeUser) -> None:
    bob = make_user("bob", ["approver"])
    run = opened(reviewers="named", named=(bob.pk,))
    assert services.remind() == 0
    Run.objects.filter(pk=run.pk).update(opened_at=timezone.now() - 14 * DAY)
    assert services.remind() == 1
    assert services.remind() == 0
    assert Notification.objects.filter(user=bob, event="review.reminder").exists()


@pytest.mark.usefixtures("alice")
def test_who_has_answered_is_not_reminded(make_user: MakeUser) -> None:
    bob = make_user("bob", ["approver"])
    run = opened(reviewers="named", named=(bob.pk,))
    decide(bob, run, Verdict.KEEP)
    Run.objects.filter(pk=run.pk).update(opened_at=timezone.now() - 14 * DAY)
    assert services.remind() == 0


@pytest.mark.usefixtures("alice")
def test_the_preview_says_who_loses_what() -> None:
    run = opened()
    losses = selectors.preview(items(run), timezone.now())
    assert [(loss.place, loss.permissions) for loss in losses] == [
        (
            "everywhere",
            ("deploy on Namespace", "read on Namespace", "restart on Node"),
        )
    ]


def test_what_somebody_holds_twice_is_not_lost(alice: User) -> None:
    assign(alice, "reader")
    run = opened(roles=("developer",))
    losses = selectors.preview(items(run), timezone.now())
    assert [loss.permissions for loss in losses] == [
        ("deploy on Namespace", "restart on Node")
    ]


def test_the_preview_names_who_borrows(alice: User, make_user: MakeUser) -> None:
    ben = person(make_user, "ben")
    delegations.set_policy(actor=SYSTEM, limits=Limits(is_allowed=True))
    loan = delegations.offer(
        actor=actor_for(alice),
        user=alice,
        spec=delegations.OfferSpec(
            ref(ben), "reader", timezone.now() + DAY, "On holiday."
        ),
    )
    delegations.accept(actor=actor_for(ben), user=ben, delegation_id=loan.pk)
    now = timezone.now() + dt.timedelta(seconds=1)
    losses = selectors.preview(items(opened()), now)
    assert [(loss.principal, loss.is_borrower) for loss in losses] == [
        ("Alice", False),
        ("Ben", True),
    ]


def test_a_service_is_reviewed_too(admin: User) -> None:
    roles.assign_role(actor=SYSTEM, spec=AssignmentSpec(CHECKOUT, "reader"))
    run = opened(roles=("reader",), reviewers="self")
    assert [set(row.reviewers.all()) for row in items(run)] == [{admin}]


def test_a_campaign_is_changed_and_its_name_is_its_own(admin: User) -> None:
    row = campaign(reviewers="named", named=(admin.pk,))
    with pytest.raises(CampaignInvalidError):
        campaign()
    spec = CampaignSpec(name="All roles", days=7)
    services.save_campaign(actor=SYSTEM, spec=spec, campaign_id=row.pk)
    changed = Campaign.objects.get()
    assert (changed.days, list(changed.named.all())) == (7, [])


def test_a_lent_right_that_is_revoked_ends_its_delegation(
    alice: User, admin: User, make_user: MakeUser
) -> None:
    ben = person(make_user, "ben")
    delegations.set_policy(actor=SYSTEM, limits=Limits(is_allowed=True))
    loan = delegations.offer(
        actor=actor_for(alice),
        user=alice,
        spec=delegations.OfferSpec(
            ref(ben), "reader", timezone.now() + DAY, "On holiday."
        ),
    )
    delegations.accept(actor=actor_for(ben), user=ben, delegation_id=loan.pk)
    run = opened(sources=("delegation",))
    decide(admin, run)

    run = apply(admin, run, confirmed=1)

    loan.refresh_from_db()
    assert [row.outcome for row in items(run)] == [Outcome.REVOKED]
    assert loan.state == "revoked"
    assert loan.ended_reason == f"Review “All roles”: {REASON}"
    assert Assignment.objects.get(workflow_id=loan.pk).revoked_at is not None
