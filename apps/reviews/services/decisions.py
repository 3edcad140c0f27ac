"""Answer what a review asks."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.db import transaction
from django.utils import timezone

from apps.accounts.choices import TenantRole
from apps.accounts.models import User
from apps.accounts.selectors import roles_in_scope
from apps.audit import services as audit
from apps.audit.events import Actor
from apps.reviews import rules, selectors
from apps.reviews.choices import Verdict
from apps.reviews.errors import ReviewNotFoundError
from apps.reviews.events import ReviewsAction
from apps.reviews.models import Item, Run


@transaction.atomic
def decide(
    *,
    actor: Actor,
    user: User,
    run_id: uuid.UUID,
    item_ids: Collection[uuid.UUID],
    verdict: Verdict,
    reason: str = "",
) -> list[Item]:
    """Decide on items of a run, all or none. An answer may be changed while it is open.

    Raises ReviewNotFoundError, RunStateError, ReasonMissingError, NotReviewerError and
    OwnItemError.
    """
    run = Run.objects.select_for_update().filter(pk=run_id).first()
    if run is None:
        raise ReviewNotFoundError
    now = timezone.now()
    rules.check_open(run.state, run.closes_at, now)
    text = rules.check_reason(reason, verdict)
    wanted = set(item_ids)
    rows = list(selectors.items_of(run).filter(pk__in=wanted))
    if not rows or len(rows) != len(wanted):
        raise ReviewNotFoundError("There is no such item in this review.")
    is_admin = TenantRole.SECURITY_ADMIN in roles_in_scope(user)
    for row in rows:
        rules.check_decision(
            who=user.pk,
            person=row.assignment.principal.user_id,
            reviewers=[each.pk for each in row.reviewers.all()],
            is_admin=is_admin,
            is_self_review=run.is_self_review,
        )
        row.verdict, row.reason = verdict, text
        row.decided_at, row.decided_by = now, user
    Item.objects.bulk_update(rows, ["verdict", "reason", "decided_at", "decided_by"])
    audit.append(
        actor=actor,
        action=ReviewsAction.DECIDED,
        target_type="Run",
        target_id=str(run.pk),
        after={
            "verdict": verdict.value,
            "reason": text,
            "assignments": sorted(str(row.assignment_id) for row in rows),
        },
    )
    return rows
