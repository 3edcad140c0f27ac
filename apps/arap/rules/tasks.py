"""How an elevation reads as a task of the profile. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from apps.arap.choices import TaskStatus
from apps.elevations.choices import ElevationState

_STATUS = {
    ElevationState.PENDING: TaskStatus.PENDING,
    # Approved, but nobody holds anything yet.
    ElevationState.APPROVED: TaskStatus.PENDING,
    ElevationState.ACTIVE: TaskStatus.APPROVED,
    ElevationState.ENDED: TaskStatus.APPROVED,
    ElevationState.DENIED: TaskStatus.DENIED,
    ElevationState.CANCELLED: TaskStatus.CANCELLED,
    ElevationState.EXPIRED: TaskStatus.EXPIRED,
}


@dataclass(frozen=True)
class TaskFacts:
    """What is known of a task."""

    id: str
    state: ElevationState
    title: str
    status_endpoint: str
    cancel: str
    review: str
    expires_at: dt.datetime | None = None
    approval_id: str = ""
    approved_at: dt.datetime | None = None
    approved_until: dt.datetime | None = None


def status_of(state: ElevationState) -> TaskStatus:
    """Return how the profile calls a state."""
    return _STATUS[state]


def may_cancel(state: ElevationState) -> bool:
    """Say whether a task can still be withdrawn."""
    return status_of(state) is TaskStatus.PENDING


def task_answer(facts: TaskFacts) -> dict[str, Any]:
    """Return the answer about a task; a result only once somebody holds something."""
    status = status_of(facts.state)
    task: dict[str, Any] = {
        "id": facts.id,
        "status": status.value,
        "status_endpoint": facts.status_endpoint,
        "display": {"title": facts.title},
    }
    if status is TaskStatus.PENDING:
        task["progress"] = _progress(facts.state)
        task["links"] = {"review": facts.review, "cancel": facts.cancel}
        if facts.expires_at is not None:
            task["expires_at"] = _stamp(facts.expires_at)
    answer: dict[str, Any] = {"task": task}
    if status is TaskStatus.APPROVED and facts.approved_until is not None:
        approval = {
            "id": facts.approval_id,
            "approved_until": _stamp(facts.approved_until),
        }
        if facts.approved_at is not None:
            approval["approved_at"] = _stamp(facts.approved_at)
        answer["result"] = {"mode": "reevaluate", "approval": approval}
    return answer


def _progress(state: ElevationState) -> dict[str, Any]:
    if state is ElevationState.APPROVED:
        return {
            "current_step": 2,
            "total_steps": 2,
            "step_name": "activation",
            "awaiting": ["requester"],
        }
    return {
        "current_step": 1,
        "total_steps": 2,
        "step_name": "approval",
        "awaiting": ["approvers"],
    }


def _stamp(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds")
