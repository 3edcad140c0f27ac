"""What every act on a request shares: who acts, and what the audit trail keeps."""

from __future__ import annotations

import uuid
from typing import Any

from apps.approvals import selectors
from apps.approvals.errors import ProposeForbiddenError, RequestInvalidError
from apps.approvals.events import AuditAction
from apps.approvals.models import ApprovalRequest
from apps.audit.events import Actor
from apps.audit.services import append

TARGET = "approval_request"
LONGEST_TITLE = 160


def user_id_of(actor: Actor) -> uuid.UUID | None:
    """Return the person who acts, if it is one."""
    return uuid.UUID(actor.id) if actor.kind == "user" else None


def require_proposer(actor: Actor) -> None:
    """Raise ProposeForbiddenError unless the actor may ask for changes."""
    match actor.kind:
        case "command":
            return
        case "user" if selectors.SECURITY_ADMIN in selectors.roles_of_actor(actor):
            return
        case _:
            raise ProposeForbiddenError


def require_words(title: str, reason: str) -> None:
    """Raise RequestInvalidError unless a request says what and why."""
    if not title or len(title) > LONGEST_TITLE:
        raise RequestInvalidError(
            f"A title says in a line what changes ({LONGEST_TITLE} characters).",
            field="title",
        )
    if not reason:
        raise RequestInvalidError(
            "Say why the change is needed.",
            field="reason",
            remedy="Approvers and auditors read this first.",
        )


def audit(
    actor: Actor,
    action: AuditAction,
    request: ApprovalRequest,
    *,
    after: dict[str, Any],
    before: dict[str, Any] | None = None,
) -> None:
    """Write an act on a request to the audit trail."""
    append(
        actor=actor,
        action=action,
        target_type=TARGET,
        target_id=str(request.pk),
        before=before,
        after=after,
    )
