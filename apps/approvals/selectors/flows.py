"""Questions about flows."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from apps.approvals import rules
from apps.approvals.choices import RequestKind
from apps.approvals.errors import FlowNotFoundError
from apps.approvals.models import ApprovalFlow


def flows() -> QuerySet[ApprovalFlow]:
    """Return all flows, in the order in which they are looked at."""
    return ApprovalFlow.objects.order_by("kind", "order", "name")


def flow_by_id(flow_id: uuid.UUID) -> ApprovalFlow:
    """Return a flow or raise FlowNotFoundError."""
    row = ApprovalFlow.objects.filter(pk=flow_id).first()
    if row is None:
        raise FlowNotFoundError
    return row


def spec_of(row: ApprovalFlow) -> rules.FlowSpec:
    """Return a stored flow as the rules see it; stages of version 1 read too."""
    if any(isinstance(stage.get("approvers"), str) for stage in row.stages):
        stages = rules.parse_flow({"v": 1, "stages": row.stages}).stages
    else:
        stages = rules.parse_stages(row.stages)
    match = rules.parse_match(row.match) if row.match else rules.Match()
    return rules.FlowSpec(
        name=row.name,
        kind=RequestKind(row.kind),
        stages=stages,
        match=match,
        order=row.order,
        is_active=row.is_active,
    )


def choose_flow(about: rules.About) -> rules.Flow:
    """Return the flow that a new request passes."""
    found = ApprovalFlow.objects.filter(kind=about.kind, is_active=True)
    return rules.choose([spec_of(row) for row in found], about)
