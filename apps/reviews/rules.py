"""Decide who reviews what, what is advised, and what becomes of an assignment. Pure."""

from __future__ import annotations

import calendar
import datetime as dt
import uuid
from collections.abc import Collection
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from apps.reviews.choices import (
    Advice,
    Recurrence,
    Reviewers,
    RunState,
    Silence,
    Verdict,
)
from apps.reviews.errors import (
    CampaignInvalidError,
    NotReviewerError,
    OwnItemError,
    ReasonMissingError,
    RunStateError,
)

UNUSED_AFTER = dt.timedelta(days=30)
LONGEST_DAYS = 90
MOST_REVOKED = 10_000
_SHORTEST_REASON = 5
_MONTHS = 12
_LAST_CALL = dt.timedelta(days=1)

Person = uuid.UUID


@dataclass(frozen=True)
class CampaignSpec:
    """What is reviewed, by whom, how often, and what no answer means.

    An empty list of roles, tiers, sources or scopes means all of them; a scope is
    Type::key, or `everywhere`. `cap` is how many a run revokes without being looked at.
    """

    name: str
    reviewers: str = Reviewers.OWNERS.value
    roles: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    sources: tuple[str, ...] = ("standing",)
    scopes: tuple[str, ...] = ()
    named: tuple[Person, ...] = ()
    recurrence: int = Recurrence.HALF_YEARLY.value
    days: int = 14
    silence: str = Silence.KEEP.value
    cap: int = 50
    is_active: bool = True


@dataclass(frozen=True)
class Subject:
    """Whose assignment is reviewed, and who is near it."""

    person: Person | None
    manager: Person | None = None
    owners: AbstractSet[Person] = frozenset()


def check_campaign(spec: CampaignSpec) -> None:
    """Raise CampaignInvalidError that names the field."""
    if not spec.name.strip():
        raise CampaignInvalidError("Give it a name.", field="name")
    if not 1 <= spec.days <= LONGEST_DAYS:
        raise CampaignInvalidError(f"Choose 1 to {LONGEST_DAYS} days.", field="days")
    if spec.recurrence not in Recurrence.values:
        raise CampaignInvalidError("Choose 0, 1, 3, 6 or 12.", field="recurrence")
    if spec.recurrence and _LEAST_DAYS[spec.recurrence] <= spec.days:
        raise CampaignInvalidError(
            "A run would not be over before the next one begins.", field="days"
        )
    if not 0 <= spec.cap <= MOST_REVOKED:
        raise CampaignInvalidError(f"Choose 0 to {MOST_REVOKED}.", field="cap")
    if spec.reviewers == Reviewers.NAMED and not spec.named:
        raise CampaignInvalidError("Name at least one person.", field="named")


_LEAST_DAYS = {
    Recurrence.MONTHLY.value: 28,
    Recurrence.QUARTERLY.value: 89,
    Recurrence.HALF_YEARLY.value: 181,
    Recurrence.YEARLY.value: 365,
}


def reviewers_of(
    kind: str,
    subject: Subject,
    *,
    named: AbstractSet[Person],
    admins: AbstractSet[Person],
) -> frozenset[Person]:
    """Return who is asked about an assignment.

    Nobody reviews their own access unless the campaign asks people themselves. When
    nobody is left, the security admins are asked; nobody may remain.
    """
    asked: dict[str, AbstractSet[Person | None]] = {
        Reviewers.SELF: {subject.person},
        Reviewers.MANAGER: {subject.manager} - {subject.person},
        Reviewers.OWNERS: subject.owners - {subject.person},
        Reviewers.NAMED: named - {subject.person},
    }
    found = {who for who in asked[kind] if who is not None}
    return frozenset(found or admins - {subject.person})


def advise(
    last_use: dt.datetime | None,
    *,
    since: dt.datetime,
    known_from: dt.datetime | None,
    now: dt.datetime,
) -> Advice:
    """Return what the decision logs say about an assignment that exists `since`.

    Silence of the logs says something only if they, and the assignment, are old enough.
    """
    if last_use is not None and now - last_use < UNUSED_AFTER:
        return Advice.USED
    if last_use is not None:
        return Advice.UNUSED
    start = max(since, known_from) if known_from is not None else now
    return Advice.UNUSED if now - start >= UNUSED_AFTER else Advice.NO_DATA


def outcome(verdict: str, silence: str, advice: str) -> Verdict:
    """Return what happens to an assignment: as decided, else as silence means."""
    if verdict:
        return Verdict(verdict)
    match Silence(silence):
        case Silence.REVOKE:
            return Verdict.REVOKE
        case Silence.ADVICE if advice == Advice.UNUSED:
            return Verdict.REVOKE
        case _:
            return Verdict.KEEP


def check_decision(
    *,
    who: Person,
    person: Person | None,
    reviewers: Collection[Person],
    is_admin: bool,
    is_self_review: bool,
) -> None:
    """Raise OwnItemError or NotReviewerError unless somebody may decide on an item."""
    if who == person and not is_self_review:
        raise OwnItemError
    if who not in reviewers and not is_admin:
        raise NotReviewerError


def check_open(state: str, closes_at: dt.datetime, now: dt.datetime) -> None:
    """Raise RunStateError unless decisions are still taken."""
    if state != RunState.OPEN:
        raise RunStateError
    if closes_at <= now:
        raise RunStateError("The time for answers is over.")


def check_reason(reason: str, verdict: str) -> str:
    """Return a reason in normal form; to keep needs none. Raises ReasonMissingError."""
    text = " ".join(reason.split())
    if len(text) < _SHORTEST_REASON and verdict == Verdict.REVOKE:
        raise ReasonMissingError(field="reason")
    return text[:200]


def length_of(days: int) -> dt.timedelta:
    """Return how long answers are taken."""
    return dt.timedelta(days=days)


def next_opening(opened: dt.datetime, months: int) -> dt.datetime | None:
    """Return when a campaign opens again: the same day, or the last of that month."""
    if not months:
        return None
    index = opened.year * _MONTHS + opened.month - 1 + months
    year, month = divmod(index, _MONTHS)
    last = calendar.monthrange(year, month + 1)[1]
    return opened.replace(year=year, month=month + 1, day=min(opened.day, last))


def reminders_due(opened: dt.datetime, closes: dt.datetime, now: dt.datetime) -> int:
    """Return how many reminders should have been sent: half way, and a day before."""
    moments = {opened + (closes - opened) / 2, closes - _LAST_CALL}
    return sum(opened < moment <= now for moment in moments)
