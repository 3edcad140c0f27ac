"""Set what may be lent in a tenant, below ceilings that hold everywhere."""

from __future__ import annotations

from dataclasses import asdict

from django.db import transaction
from django.utils import timezone

from apps.audit import services as audit
from apps.audit.events import Actor
from apps.delegations import rules, selectors
from apps.delegations.events import DelegationsAction
from apps.delegations.models import DelegationPolicy
from apps.delegations.rules import Limits
from apps.delegations.services.loans import end_tree
from apps.delegations.services.trail import lock_loans
from apps.tenants.services import require_tenant_id


def delegation_policy_row() -> DelegationPolicy:
    """Return the row of the open tenant, made of the defaults if there is none."""
    row, _is_new = DelegationPolicy.objects.get_or_create(tenant_id=require_tenant_id())
    return row


@transaction.atomic
def set_policy(*, actor: Actor, limits: Limits) -> DelegationPolicy:
    """Store what may be lent. Switching it off ends everything that is lent.

    Raises PolicyInvalidError.
    """
    rules.check_limits(limits)
    lock_loans()
    row = delegation_policy_row()
    before, after = asdict(row.limits), asdict(limits)
    if before == after:
        return row
    row.is_allowed = limits.is_allowed
    row.max_days, row.max_depth = limits.max_days, limits.max_depth
    row.save()
    audit.append(
        actor=actor,
        action=DelegationsAction.POLICY_CHANGED,
        target_type="DelegationPolicy",
        target_id=str(row.pk),
        before=before,
        after=after,
    )
    if not limits.is_allowed:
        for root in selectors.open_delegations(timezone.now()).filter(parent=None):
            end_tree(actor, root, "Delegation was switched off in this tenant.")
    return row
