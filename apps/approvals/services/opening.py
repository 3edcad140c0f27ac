"""Write a new request down, with the digest of what it says now."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from apps.approvals import rules
from apps.approvals.choices import RequestKind
from apps.approvals.events import AuditAction
from apps.approvals.models import ApprovalRequest
from apps.approvals.rules.subjects import Subject
from apps.approvals.selectors.changes import Proposal
from apps.approvals.selectors.proofs import Proof
from apps.approvals.services.trail import audit, user_id_of
from apps.audit.events import Actor
from apps.tenants.services import require_tenant_id


def create_request(  # noqa: PLR0913  # what is asked for, and what is signed of it
    *,
    actor: Actor,
    title: str,
    reason: str,
    flow: rules.Flow,
    proposals: Sequence[Proposal] = (),
    subject: Subject | None = None,
    request_id: uuid.UUID | None = None,
    items: Sequence[Mapping[str, Any]] = (),
    more: Mapping[str, Any] | None = None,
    proof: Proof | None = None,
) -> ApprovalRequest:
    """Store what is asked for, in the form that approvers sign.

    With a proof nobody approves before that evidence is there.
    """
    request_id, tenant_id = request_id or uuid.uuid4(), require_tenant_id()
    kind = subject.kind if subject else RequestKind.CHANGE
    document = rules.request_document(
        tenant=str(tenant_id),
        request=str(request_id),
        kind=kind,
        title=title,
        reason=reason,
        flow=flow,
        opened_by={"id": actor.id, "name": actor.name},
        items=[*(proposal.signed_form() for proposal in proposals), *items],
        subject=subject.to_dict() if subject else None,
    ) | dict(more or {})
    if proof is not None:
        document["evidence"] = {"input": proof.input}
    request = ApprovalRequest.objects.create(
        pk=request_id,
        tenant_id=tenant_id,
        kind=kind,
        title=title,
        reason=reason,
        flow=flow.to_dict(),
        document=document,
        digest=rules.request_digest(document),
        subject_id=subject.id if subject else None,
        expires_at=subject.expires_at if subject else None,
        evidence_input=proof.input if proof else "",
        stage_started_at=timezone.now(),
        opened_by_id=user_id_of(actor),
        opened_by_name=actor.name,
    )
    audit(actor, AuditAction.REQUEST_OPENED, request, after=document)
    return request
