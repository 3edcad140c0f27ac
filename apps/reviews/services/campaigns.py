"""Say what is reviewed again and again."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.selectors import members
from apps.audit import services as audit
from apps.audit.events import Actor
from apps.reviews import rules, selectors
from apps.reviews.errors import CampaignInvalidError
from apps.reviews.events import ReviewsAction
from apps.reviews.models import Campaign, NamedReviewer
from apps.reviews.rules import CampaignSpec
from apps.tenants.services import require_tenant_id

_FIELDS = (
    *("name", "reviewers", "recurrence", "days", "silence", "cap", "is_active"),
    *("roles", "tiers", "sources", "scopes"),
)
_LISTS = {"roles", "tiers", "sources", "scopes"}


@transaction.atomic
def save_campaign(
    *, actor: Actor, spec: CampaignSpec, campaign_id: uuid.UUID | None = None
) -> Campaign:
    """Store a campaign; a new one that recurs opens for the first time at once.

    Raises CampaignInvalidError and ReviewNotFoundError.
    """
    rules.check_campaign(spec)
    named = set(spec.named)
    if members().filter(user_id__in=named).count() != len(named):
        raise CampaignInvalidError("Name members only.", field="named")
    same = Campaign.objects.filter(name=spec.name.strip()).first()
    if same is not None and same.pk != campaign_id:
        raise CampaignInvalidError("There is one of this name.", field="name")
    row = (
        selectors.campaign_by_id(campaign_id)
        if campaign_id
        else Campaign(tenant_id=require_tenant_id())
    )
    before = _state(row) if campaign_id else None
    _fill(row, spec)
    row.save()
    NamedReviewer.objects.filter(campaign=row).exclude(user_id__in=named).delete()
    NamedReviewer.objects.bulk_create(
        [
            NamedReviewer(tenant_id=row.tenant_id, campaign=row, user_id=who)
            for who in sorted(named)
        ],
        ignore_conflicts=True,
    )
    audit.append(
        actor=actor,
        action=ReviewsAction.CAMPAIGN_CHANGED
        if before
        else ReviewsAction.CAMPAIGN_CREATED,
        target_type="Campaign",
        target_id=str(row.pk),
        before=before,
        after=_state(row) | {"named": [str(who) for who in sorted(named)]},
    )
    return row


def _fill(row: Campaign, spec: CampaignSpec) -> None:
    values = asdict(spec)
    for name in _FIELDS:
        value = values[name]
        setattr(row, name, sorted(value) if name in _LISTS else value)
    row.name = spec.name.strip()
    if not spec.recurrence:
        row.opens_at = None
    elif row.opens_at is None:
        row.opens_at = timezone.now()


def _state(row: Campaign) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _FIELDS}
