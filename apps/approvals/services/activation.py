"""Call off what was approved for a time that has not come yet."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.utils import timezone

from apps.approvals import selectors
from apps.approvals.choices import RequestState
from apps.approvals.errors import NothingScheduledError, RequestInvalidError
from apps.approvals.events import AuditAction
from apps.approvals.models import ApprovalRequest
from apps.approvals.services.trail import audit, require_proposer
from apps.audit.events import Actor
from apps.policies import selectors as policy_questions
from apps.policies import services as policies


@transaction.atomic
def cancel_activation(
    *, actor: Actor, request_id: uuid.UUID, reason: str
) -> ApprovalRequest:
    """Call off the versions of a request before they come into force, all or none.

    The version in force now stays; a policy that has none is suspended, which for a
    forbid others have to approve. Raises NothingScheduledError, ProposeForbiddenError
    and what roll_back and suspend_policy raise.
    """
    require_proposer(actor)
    request = selectors.lock_request(request_id)
    if not reason.strip():
        raise RequestInvalidError("Say why it is called off.", field="reason")
    waiting = [
        version
        for version in policy_questions.versions().filter(request_id=request.pk)
        if version.effective_from and version.effective_from > timezone.now()
    ]
    if request.state != RequestState.APPROVED or not waiting:
        raise NothingScheduledError
    for version in waiting:
        _call_off(actor, version.policy_id, version.number, reason)
    audit(
        actor,
        AuditAction.ACTIVATION_CANCELLED,
        request,
        after={
            "reason": reason.strip(),
            "versions": [f"{one.policy.slug} v{one.number}" for one in waiting],
        },
    )
    return request


def _call_off(actor: Actor, policy_id: uuid.UUID, number: int, reason: str) -> None:
    newest = policy_questions.newest_version(policy_id)
    if newest is None or newest.number != number:
        raise NothingScheduledError("A newer version has taken its place.")
    earlier = policy_questions.versions().filter(policy_id=policy_id, number__lt=number)
    before = earlier.first()
    if before is None:
        policies.suspend_policy(
            actor=actor, policy_id=policy_id, reason=reason, request_id=None
        )
    else:
        policies.roll_back(
            actor=actor, policy_id=policy_id, to_version=before.number, reason=reason
        )
