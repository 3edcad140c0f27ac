"""Say which people decide on which requests."""

from __future__ import annotations

import uuid

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.approvals import rules, selectors
from apps.approvals.choices import RequestKind
from apps.approvals.errors import FlowForbiddenError, FlowNameTakenError
from apps.approvals.events import AuditAction
from apps.approvals.models import ApprovalFlow
from apps.approvals.services.linting import require_covered
from apps.audit.events import Actor
from apps.audit.services import append
from apps.roles import selectors as roles
from apps.tenants.services import require_tenant_id

STANDARD = "Standard"


@transaction.atomic
def set_flow(*, actor: Actor, kind: RequestKind, quorum: int) -> ApprovalFlow:
    """Say how many approvers new requests of a kind need, whatever they are about."""
    stage = rules.DEFAULT_FLOW.stages[0].to_dict() | {"quorum": quorum}
    spec = rules.FlowSpec(STANDARD, kind, rules.parse_stages([stage]))
    row = ApprovalFlow.objects.filter(kind=kind, name=STANDARD).first()
    return save_flow(actor=actor, flow_id=row.pk if row else None, spec=spec)


@transaction.atomic
def save_flow(
    *, actor: Actor, flow_id: uuid.UUID | None, spec: rules.FlowSpec
) -> ApprovalFlow:
    """Make a flow or change one. Requests that are open keep theirs.

    Raises FlowForbiddenError, FlowNameTakenError, and FlowUncoveredError when nobody
    could ever pass it.
    """
    _require_keeper(actor, flow_id)
    if actor.kind != "command" and spec.is_active:
        # An operator sets a tenant up before there are people in it.
        require_covered(flow_id, spec)
    row = ApprovalFlow(tenant_id=require_tenant_id())
    before = None
    if flow_id is not None:
        row = ApprovalFlow.objects.select_for_update().get(
            pk=selectors.flow_by_id(flow_id).pk
        )
        before = selectors.spec_of(row).to_dict()
    written = spec.to_dict()
    for name in ("name", "kind", "order", "is_active", "match", "stages"):
        setattr(row, name, written[name])
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        if "approvals_flow_name_unique" in str(error):
            raise FlowNameTakenError(field="name") from error
        raise
    if before != written:
        _audit(actor, row, before, written)
    return row


@transaction.atomic
def remove_flow(*, actor: Actor, flow_id: uuid.UUID) -> None:
    """Remove a flow. Requests that are open keep it."""
    if not _keeps_all(actor):
        raise FlowForbiddenError
    row = selectors.flow_by_id(flow_id)
    _audit(actor, row, selectors.spec_of(row).to_dict(), None)
    row.delete()


def _require_keeper(actor: Actor, flow_id: uuid.UUID | None) -> None:
    """Refuse who neither keeps all flows nor was delegated this one.

    Whether a new flow, or what became of one, fits what was delegated is looked at
    where it was saved.
    """
    if _keeps_all(actor):
        return
    user = User.objects.filter(pk=actor.id).first() if actor.kind == "user" else None
    if user is None:
        raise FlowForbiddenError
    if flow_id is None:
        may = roles.has_some(user, "approvals.add_approvalflow")
    else:
        row = selectors.flow_by_id(flow_id)
        may = roles.holds(user, "approvals.change_approvalflow", row)
    if not may:
        raise FlowForbiddenError


def _keeps_all(actor: Actor) -> bool:
    is_admin = selectors.SECURITY_ADMIN in selectors.roles_of_actor(actor)
    return actor.kind == "command" or is_admin


def _audit(
    actor: Actor,
    row: ApprovalFlow,
    before: dict[str, object] | None,
    after: dict[str, object] | None,
) -> None:
    append(
        actor=actor,
        action=AuditAction.FLOW_CHANGED,
        target_type="approval_flow",
        target_id=str(row.pk),
        before=before,
        after=after,
    )
