"""What can be asked in a simulation: what is live, a draft, a version, a change.

A set of changes is asked by the evidence that was computed for it, which holds exactly
the records that nodes would get.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

from apps.approvals import selectors as approvals
from apps.core.errors import NotFoundError
from apps.dashboard.errors import SubjectNotFoundError
from apps.policies import selectors as policies
from apps.simulation.models import Evidence
from apps.simulation.rules import RecordChange
from apps.simulation.selectors import (
    World,
    change_of_draft,
    changes_from,
    evidence,
    evidence_by_id,
    evidence_for,
    world_after,
)

LIVE = "live"
MOST_OFFERED = 200
MOST_MEASURED = 50
Choices = list[tuple[str, str]]


def offered_subjects() -> list[tuple[str, str] | tuple[str, Choices]]:
    """Return what can be asked, in groups; the newest versions only."""
    drafts = [
        (f"draft:{draft.policy.slug}", str(draft))
        for draft in policies.open_drafts()[:MOST_OFFERED]
    ]
    changes = [(f"evidence:{row.pk}", row.title) for row in evidence()[:MOST_MEASURED]]
    rows = policies.versions().defer("content", "statements")[:MOST_OFFERED]
    versions = [
        (f"version:{row.policy.slug}@{row.number}", f"{row.policy.name} v{row.number}")
        for row in rows
    ]
    groups = [("Drafts", drafts), ("Measured changes", changes), ("Versions", versions)]
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
                return _of_set(uuid.UUID(name))
            case "evidence":
                return _measured(evidence_by_id(uuid.UUID(name)))
            case _:
                raise SubjectNotFoundError
    except (NotFoundError, ValueError) as error:
        raise SubjectNotFoundError from error


def world_named(subject: str, now: dt.datetime) -> World:
    """Return the world that a subject makes of what is live.

    Raises SubjectNotFoundError.
    """
    return world_after(changes_named(subject), now)


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


def _of_set(set_id: uuid.UUID) -> Sequence[RecordChange]:
    """Return what a set of changes was last tried out to be."""
    outcome = approvals.change_set_by_id(set_id).outcome
    row = evidence_for(str(outcome.get("evidence", "")))
    if row is None:
        raise SubjectNotFoundError
    return _measured(row)


def _measured(row: Evidence) -> Sequence[RecordChange]:
    return changes_from(row.input["changes"])
