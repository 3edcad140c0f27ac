"""Say which people decide on which requests."""

from __future__ import annotations

from django.db import transaction

from apps.approvals import rules, selectors
from apps.approvals.choices import RequestKind
from apps.approvals.events import AuditAction
from apps.approvals.models import ApprovalFlow
from apps.approvals.services.trail import require_proposer
from apps.audit.events import Actor
from apps.audit.services import append
from apps.tenants.services import require_tenant_id


@transaction.atomic
def set_flow(*, actor: Actor, kind: RequestKind, quorum: int) -> ApprovalFlow:
    """Say how many approvers new requests of a kind need."""
    stage = rules.DEFAULT_FLOW.stages[0].to_dict() | {"quorum": quorum}
    flow = rules.parse_flow({"v": 1, "stages": [stage]}).to_dict()
    require_proposer(actor)
    before = selectors.flow_of(kind).to_dict()
    row, _ = ApprovalFlow.objects.update_or_create(
        tenant_id=require_tenant_id(), kind=kind, defaults={"stages": flow["stages"]}
    )
    append(
        actor=actor,
        action=AuditAction.FLOW_CHANGED,
        target_type="approval_flow",
        target_id=str(row.pk),
        before=before,
        after=flow,
    )
    return row
