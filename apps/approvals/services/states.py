"""Carry out what was approved about the state of a policy."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from apps.approvals.choices import Verdict
from apps.approvals.errors import ChangeInvalidError
from apps.approvals.models import Vote
from apps.audit.events import Actor
from apps.policies import services as policies
from apps.policies.choices import Act
from apps.policies.rules.terms import instant_of
from apps.policies.services import Approval

_FIELDS = ("act", "reason", "to_version", "until")


def apply_act(
    *,
    actor: Actor,
    policy_id: uuid.UUID | None,
    slug: str,
    content: Mapping[str, Any],
    request_id: uuid.UUID,
) -> dict[str, Any]:
    """Suspend, resume, retire or roll back a policy, or decide about its end.

    Returns the content in normal form. Raises ChangeInvalidError, and what the services
    of policies raise.
    """
    if policy_id is None:
        raise ChangeInvalidError(f"There is no policy “{slug}”.", field="slug")
    act, reason = _act_of(content), str(content.get("reason") or "").strip()
    common: dict[str, Any] = {
        "actor": actor,
        "policy_id": policy_id,
        "reason": reason,
        "request_id": request_id,
    }
    said: dict[str, Any] = {"act": str(act), "reason": reason}
    match act:
        case Act.SUSPEND:
            policies.suspend_policy(**common)
        case Act.RESUME:
            policies.resume_policy(**common)
        case Act.RETIRE:
            # What is for good was looked at by everybody who voted.
            policies.retire_policy(**common, confirmed=slug)
        case Act.ROLL_BACK:
            said["to_version"] = _number(content)
            policies.roll_back(
                **common,
                to_version=said["to_version"],
                approval=approval_of(request_id),
            )
        case Act.LET_END:
            policies.decide_end(**common)
        case Act.EXTEND:
            policies.decide_end(**common, until=_until(content))
            said["until"] = content["until"]
    return said


def approval_of(request_id: uuid.UUID) -> Approval:
    """Return who approved a request, and the evidence that they signed."""
    found = Vote.objects.filter(request_id=request_id, verdict=Verdict.APPROVE)
    rows = list(found.order_by("cast_at", "pk"))
    seen = [str(row.document.get("evidence", "")) for row in rows]
    return Approval(
        approvers=[{"id": str(row.user_id), "name": row.user_name} for row in rows],
        evidence_digest=next((digest for digest in reversed(seen) if digest), ""),
    )


def sentence_of_act(content: Mapping[str, Any], slug: str) -> str:
    """Say in one sentence what is done to a policy."""
    act = Act(content["act"])
    match act:
        case Act.ROLL_BACK:
            what = f"Roll “{slug}” back to version {content['to_version']}"
        case Act.EXTEND:
            what = f"Keep “{slug}” in force until {content['until']} at least"
        case Act.LET_END:
            what = f"Let “{slug}” end when it says"
        case _:
            what = f"{act.label} “{slug}”"
    return f"{what}: {content['reason']}"


def _act_of(content: Mapping[str, Any]) -> Act:
    for name in content:
        if name not in _FIELDS:
            raise ChangeInvalidError(
                f"There is no field “{name}”.",
                field=str(name),
                remedy=f"Use one of {', '.join(_FIELDS)}.",
            )
    try:
        return Act(str(content.get("act")))
    except ValueError as error:
        raise ChangeInvalidError(
            "Say what is done to the policy.",
            field="act",
            remedy=f"Use one of {', '.join(Act.values)}.",
        ) from error


def _number(content: Mapping[str, Any]) -> int:
    value = content.get("to_version")
    if not isinstance(value, int) or isinstance(value, bool):
        raise ChangeInvalidError("Say which version comes back.", field="to_version")
    return value


def _until(content: Mapping[str, Any]) -> dt.datetime:
    value = content.get("until")
    found = instant_of(value) if isinstance(value, str) else None
    if found is None:
        raise ChangeInvalidError(
            "Say until when, like 2026-01-31T12:00:00Z.", field="until"
        )
    return found
