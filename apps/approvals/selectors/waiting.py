"""What waits for one person, and which requests they may see."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from apps.accounts import rules as accounts
from apps.approvals import rules
from apps.approvals.choices import RequestState
from apps.approvals.models import ApprovalRequest
from apps.approvals.selectors.panels import Directory
from apps.approvals.selectors.people import active_members
from apps.approvals.selectors.requests import Standing, parties_of, standing_of

MOST_OPEN = 200


@dataclass(frozen=True)
class Waiting:
    """The open requests that concern a person.

    `mine` wait for their vote now. `named` name them, but not now: the reason says why.
    `is_whole` is False when there are more open requests than are looked at.
    """

    mine: tuple[Standing, ...]
    named: tuple[tuple[Standing, str], ...]
    is_whole: bool


def waiting_for(user_id: uuid.UUID) -> Waiting:
    """Return the open requests that name a person, the oldest first."""
    rows = ApprovalRequest.objects.filter(state=RequestState.OPEN)
    rows = rows.order_by("created_at").prefetch_related("items", "votes")
    found = list(rows[: MOST_OPEN + 1])
    directory = Directory(timezone.now())
    mine, named = [], []
    for row in found[:MOST_OPEN]:
        one = standing_of(row, directory)
        judged = one.judge(user_id)
        if judged.reason is rules.Reason.NONE:
            mine.append(one)
        elif is_named(one, user_id):
            named.append((one, judged.reason.sentence))
    return Waiting(tuple(mine), tuple(named), len(found) <= MOST_OPEN)


def decided_by(user_id: uuid.UUID, limit: int) -> Sequence[ApprovalRequest]:
    """Return closed requests that a person voted on or asked for, newest first."""
    own = Q(votes__user_id=user_id) | Q(opened_by_id=user_id)
    rows = ApprovalRequest.objects.filter(own).exclude(state=RequestState.OPEN)
    return list(rows.distinct().order_by("-closed_at")[:limit])


def is_named(standing: Standing, user_id: uuid.UUID) -> bool:
    """Say whether a stage of a request names a person."""
    return any(user_id in panel for panel in standing.panels)


def concerns(standing: Standing, user_id: uuid.UUID) -> bool:
    """Say whether a person may see a request: named, behind it, or who voted on it."""
    parties = parties_of(standing.request)
    involved = {parties.opener, parties.beneficiary, *parties.authors}
    involved |= {vote.user_id for vote in standing.request.votes.all()}
    return user_id in involved or (
        standing.request.is_open and is_named(standing, user_id)
    )


def console_users(people: Iterable[uuid.UUID]) -> frozenset[uuid.UUID]:
    """Return those of these people who may look at requests in the console."""
    members = active_members()
    return frozenset(
        person
        for person in people
        if person in members and accounts.role_allows(members[person].roles, "view")
    )
