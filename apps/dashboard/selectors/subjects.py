"""What can be asked in a simulation: what is live, a draft, a version, a change."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

from apps.approvals import selectors as approvals
from apps.approvals.choices import RequestKind, RequestState
from apps.core.errors import NotFoundError
from apps.dashboard.errors import SubjectNotFoundError
from apps.policies import selectors as policies
from apps.simulation.rules import RecordChange, changed
from apps.simulation.selectors import (
    World,
    change_of_draft,
    live_world,
    world_of,
)

LIVE = "live"
MOST_OFFERED = 200
Choices = list[tuple[str, str]]


def offered_subjects() -> list[tuple[str, str] | tuple[str, Choices]]:
    """Return what can be asked, in groups; the newest versions only."""
    drafts = [
        (f"draft:{draft.policy.slug}", str(draft))
        for draft in policies.open_drafts()[:MOST_OFFERED]
    ]
    requests = approvals.requests().filter(
        kind=RequestKind.CHANGE, state=RequestState.OPEN
    )
    changes = [(f"change:{row.pk}", row.title) for row in requests[:MOST_OFFERED]]
    rows = policies.versions().defer("content", "statements")[:MOST_OFFERED]
    versions = [
        (f"version:{row.policy.slug}@{row.number}", f"{row.policy.name} v{row.number}")
        for row in rows
    ]
    groups = [("Drafts", drafts), ("Changes", changes), ("Versions", versions)]
    return [(LIVE, "What is live"), *((name, found) for name, found in groups if found)]


def changes_named(subject: str) -> Sequence[RecordChange]:
    """Return what a subject would change of what is live.

    Raises SubjectNotFoundError.
    """
    kind, _, name = subject.partition(":")
    try:
        match kind:
            case "live":
                return ()
            case "draft":
                return [_of_draft(name)]
            case "version":
                return [_of_version(name)]
            case "change":
                return _of_request(uuid.UUID(name))
            case _:
                raise SubjectNotFoundError
    except (NotFoundError, ValueError) as error:
        raise SubjectNotFoundError from error


def world_named(subject: str, now: dt.datetime) -> World:
    """Return the world that a subject makes of what is live.

    Raises SubjectNotFoundError.
    """
    changes = changes_named(subject)
    live = live_world(now)
    return world_of(changed(live.records, changes), now) if changes else live


def _of_draft(slug: str) -> RecordChange:
    policy = policies.policy_by_slug(slug)
    if policy is None:
        raise SubjectNotFoundError
    return change_of_draft(policy.draft)


def _of_version(name: str) -> RecordChange:
    slug, _, number = name.partition("@")
    row = policies.versions().filter(policy__slug=slug, number=int(number)).first()
    if row is None:
        raise SubjectNotFoundError
    return RecordChange.put(policies.policy_record(row))


def _of_request(request_id: uuid.UUID) -> Sequence[RecordChange]:
    items = approvals.request_by_id(request_id).items.all()
    drafts = policies.drafts_by_ids([item.draft_id for item in items])
    return [change_of_draft(drafts[item.draft_id]) for item in items]
