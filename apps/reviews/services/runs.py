"""Open runs, remind, and carry out what was decided."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from apps.accounts.choices import TenantRole
from apps.accounts.errors import RoleRequiredError
from apps.accounts.models import User
from apps.accounts.selectors import roles_in_scope
from apps.audit import services as audit
from apps.audit.events import Actor
from apps.delegations import services as delegations
from apps.distribution.selectors import last_use
from apps.notifications import services as notifications
from apps.reviews import rules, selectors
from apps.reviews.choices import Outcome, Reviewers, RunState
from apps.reviews.errors import (
    AlreadyOpenError,
    CountDiffersError,
    NothingToReviewError,
    ReviewNotFoundError,
    RunStateError,
)
from apps.reviews.events import Notice, ReviewsAction
from apps.reviews.models import Campaign, Item, ItemReviewer, Run
from apps.roles import services as roles
from apps.roles.choices import AssignmentSource
from apps.roles.errors import AssignmentNotFoundError
from apps.roles.models import Assignment

_LIVE = [RunState.OPEN, RunState.HELD]
_SYSTEM = Actor.system("reviews")


@transaction.atomic
def open_run(*, actor: Actor, campaign_id: uuid.UUID) -> Run:
    """Ask about every assignment that matches a campaign now.

    Raises ReviewNotFoundError, AlreadyOpenError and NothingToReviewError.
    """
    campaign = (
        Campaign.objects.select_for_update(of=("self",)).filter(pk=campaign_id).first()
    )
    if campaign is None:
        raise ReviewNotFoundError
    if campaign.runs.filter(state__in=_LIVE).exists():
        raise AlreadyOpenError
    now = timezone.now()
    rows = list(selectors.matching(campaign, now))
    if not rows:
        raise NothingToReviewError
    run = Run.objects.create(
        tenant_id=campaign.tenant_id,
        campaign=campaign,
        opened_at=now,
        closes_at=now + rules.length_of(campaign.days),
        opened_by=actor.name,
        silence=campaign.silence,
        cap=campaign.cap,
        is_self_review=campaign.reviewers == Reviewers.SELF,
    )
    asked = _ask(run, campaign, rows)
    campaign.opens_at = rules.next_opening(now, campaign.recurrence)
    campaign.save(update_fields=["opens_at", "updated_at"])
    _audit(actor, ReviewsAction.OPENED, run, items=len(rows))
    _tell(Notice.OPENED, run, asked, "waits for your answers")
    return run


@transaction.atomic
def apply_run(
    *, actor: Actor, user: User | None, run_id: uuid.UUID, confirmed: int | None = None
) -> Run:
    """Revoke what was decided, in one transaction and so in one release.

    A security admin confirms the number that the preview showed. Without a person, the
    run's time is over; then more than its cap is held back until one confirms. Raises
    RoleRequiredError, ReviewNotFoundError, RunStateError and CountDiffersError.
    """
    if user is not None:
        _require_admin(user)
    run = _locked(run_id)
    items = list(selectors.items_of(run))
    ending = selectors.to_revoke(run, items)
    if user is None and len(ending) > run.cap:
        return _hold(actor, run, len(ending))
    if user is not None and confirmed != len(ending):
        raise CountDiffersError(
            f"{len(ending)} assignments would be revoked now.", field="confirmed"
        )
    _carry_out(actor, run, items, ending)
    _close(run, RunState.APPLIED, actor)
    _audit(actor, ReviewsAction.APPLIED, run, items=len(items), revoked=len(ending))
    return run


@transaction.atomic
def cancel_run(*, actor: Actor, user: User, run_id: uuid.UUID, reason: str) -> Run:
    """End a run without any effect. Raises as `apply_run` does."""
    _require_admin(user)
    run = _locked(run_id)
    run.closed_reason = " ".join(reason.split())[:200]
    _close(run, RunState.CANCELLED, actor)
    _audit(actor, ReviewsAction.CANCELLED, run, reason=run.closed_reason)
    return run


def open_due() -> int:
    """Open the campaigns of the open tenant whose time has come."""
    due = selectors.campaigns().filter(
        is_active=True, opens_at__lte=timezone.now(), recurrence__gt=0
    )
    opened = 0
    for campaign in due.exclude(runs__state__in=_LIVE):
        try:
            open_run(actor=_SYSTEM, campaign_id=campaign.pk)
            opened += 1
        except NothingToReviewError:
            campaign.opens_at = rules.next_opening(timezone.now(), campaign.recurrence)
            campaign.save(update_fields=["opens_at", "updated_at"])
    return opened


def close_due() -> int:
    """Apply the runs of the open tenant whose time is over."""
    over = Run.objects.filter(state=RunState.OPEN, closes_at__lte=timezone.now())
    ids = list(over.values_list("pk", flat=True))
    for run_id in ids:
        apply_run(actor=_SYSTEM, user=None, run_id=run_id)
    return len(ids)


@transaction.atomic
def remind() -> int:
    """Remind who has not answered: half way, and a day before the end."""
    sent, now = 0, timezone.now()
    for run in Run.objects.select_for_update(of=("self",)).filter(state=RunState.OPEN):
        due = rules.reminders_due(run.opened_at, run.closes_at, now)
        if due <= run.reminders:
            continue
        run.reminders = due
        run.save(update_fields=["reminders", "updated_at"])
        waiting = ItemReviewer.objects.filter(item__run=run, item__verdict="")
        people = set(waiting.values_list("user_id", flat=True))
        _tell(Notice.REMINDER, run, people, "still waits for your answers")
        sent += len(people)
    return sent


def _ask(run: Run, campaign: Campaign, rows: list[Assignment]) -> set[uuid.UUID]:
    """Write down what is asked of whom, and return all who are asked."""
    used = last_use([row.pk for row in rows])
    known, managers = selectors.known_from(), selectors.managers()
    named = frozenset(user.pk for user in campaign.named.all())
    admins = selectors.security_admins()
    items, links = [], []
    for row in rows:
        item = Item(
            tenant_id=run.tenant_id,
            run=run,
            assignment=row,
            last_use=used.get(row.pk),
            advice=rules.advise(
                used.get(row.pk),
                since=row.start or row.created_at,
                known_from=known,
                now=run.opened_at,
            ),
        )
        items.append(item)
        people = rules.reviewers_of(
            campaign.reviewers,
            selectors.subject_of(row, managers),
            named=named,
            admins=admins,
        )
        links += [
            ItemReviewer(tenant_id=run.tenant_id, item=item, user_id=who)
            for who in people
        ]
    Item.objects.bulk_create(items)
    ItemReviewer.objects.bulk_create(links)
    return {link.user_id for link in links}


def _carry_out(
    actor: Actor, run: Run, items: list[Item], ending: Iterable[Item]
) -> None:
    ids = {row.pk for row in ending}
    if any(_is_lent(row) for row in items if row.pk in ids):
        # Whoever lends takes this lock before any row; so do we.
        delegations.lock_loans()
    for row in items:
        row.outcome = Outcome.KEPT
        if row.assignment.revoked_at is not None:
            row.outcome = Outcome.GONE
        elif row.pk in ids:
            row.outcome = _revoke(actor, run, row)
    Item.objects.bulk_update(items, ["outcome"])


def _revoke(actor: Actor, run: Run, row: Item) -> Outcome:
    said = row.reason or "nobody answered"
    reason = f"Review “{run.campaign}”: {said}"[:200]
    ident = row.assignment_id
    if _is_lent(row) and delegations.end_lent(
        actor=actor, assignment_id=ident, reason=reason
    ):
        return Outcome.REVOKED
    try:
        roles.revoke_assignment(actor=actor, assignment_id=ident, reason=reason)
    except AssignmentNotFoundError:
        return Outcome.GONE
    return Outcome.REVOKED


def _is_lent(row: Item) -> bool:
    return row.assignment.source == AssignmentSource.DELEGATION


def _hold(actor: Actor, run: Run, count: int) -> Run:
    run.state = RunState.HELD
    run.save(update_fields=["state", "updated_at"])
    _audit(actor, ReviewsAction.HELD, run, revoked=count, cap=run.cap)
    _tell(
        Notice.REMINDER,
        run,
        selectors.security_admins(),
        f"would revoke {count}, more than its limit of {run.cap}: confirm it",
        path=f"/admin/reviews/run/{run.pk}/change/",
    )
    return run


def _close(run: Run, state: RunState, actor: Actor) -> None:
    run.state, run.closed_at, run.closed_by = state, timezone.now(), actor.name
    run.save(
        update_fields=["state", "closed_at", "closed_by", "closed_reason", "updated_at"]
    )


def _locked(run_id: uuid.UUID) -> Run:
    row = (
        Run.objects.select_for_update(of=("self",))
        .select_related("campaign")
        .filter(pk=run_id)
        .first()
    )
    if row is None:
        raise ReviewNotFoundError
    if row.state not in _LIVE:
        raise RunStateError
    return row


def _require_admin(user: User) -> None:
    if TenantRole.SECURITY_ADMIN not in roles_in_scope(user):
        raise RoleRequiredError("Only a security admin of this tenant may do this.")


def _tell(
    notice: Notice,
    run: Run,
    people: Iterable[uuid.UUID],
    what: str,
    *,
    path: str = "",
) -> None:
    notifications.notify(
        event=notice.value,
        recipients=people,
        title=f"Review “{run.campaign}” {what}",
        body=f"Answers are taken until {run.closes_at:%Y-%m-%d %H:%M} UTC.",
        path=path or f"/access/reviews/{run.pk}/",
        data={"what": str(run), "deadline": run.closes_at.isoformat()},
    )


def _audit(actor: Actor, action: ReviewsAction, run: Run, **after: object) -> None:
    audit.append(
        actor=actor,
        action=action,
        target_type="Run",
        target_id=str(run.pk),
        after={"review": str(run), **after},
    )
