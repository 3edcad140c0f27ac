"""Say what may be asked for."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import ProtectedError

from apps.audit.events import Actor
from apps.audit.services import append
from apps.elevations import rules, selectors
from apps.elevations.errors import EligibilityInvalidError, EligibilityUsedError
from apps.elevations.events import ElevationAction
from apps.elevations.models import Eligibility
from apps.elevations.rules import EligibilitySpec
from apps.outbox.services import enqueue
from apps.roles.events import RolesTopic
from apps.roles.models import Principal, PrincipalGroup, Resource, Role
from apps.tenants.services import require_tenant_id


@transaction.atomic
def save_eligibility(
    *, actor: Actor, spec: EligibilitySpec, eligibility_id: uuid.UUID | None = None
) -> Eligibility:
    """Offer a role for asking, or change an offer.

    What was granted under it stays as it was. Raises EligibilityInvalidError that names
    the field, and EligibilityNotFoundError.
    """
    row = (
        selectors.eligibility_by_id(eligibility_id)
        if eligibility_id
        else Eligibility(tenant_id=require_tenant_id())
    )
    before = _state(row) if eligibility_id else None
    _fill(row, spec)
    rules.check_eligibility(spec, row.role.tier)
    after = _state(row)
    if before == after:
        return row
    row.save()
    append(
        actor=actor,
        action=ElevationAction.ELIGIBILITY_CHANGED
        if before
        else ElevationAction.ELIGIBILITY_CREATED,
        target_type="eligibility",
        target_id=str(row.pk),
        before=before,
        after=after,
    )
    _publish(row.pk)
    return row


@transaction.atomic
def remove_eligibility(*, actor: Actor, eligibility_id: uuid.UUID) -> None:
    """Remove an offer that nobody ever asked for.

    Raises EligibilityNotFoundError and EligibilityUsedError.
    """
    row = selectors.eligibility_by_id(eligibility_id)
    before = _state(row)
    try:
        with transaction.atomic():
            row.delete()
    except ProtectedError as error:
        raise EligibilityUsedError from error
    append(
        actor=actor,
        action=ElevationAction.ELIGIBILITY_REMOVED,
        target_type="eligibility",
        target_id=str(eligibility_id),
        before=before,
    )
    _publish(eligibility_id)


def _publish(eligibility_id: uuid.UUID) -> None:
    if settings.PORTWARD_AUTHZEN_ACCESS_REQUEST:
        # Nodes tell of it, so a release is due.
        enqueue(
            topic=RolesTopic.CHANGED,
            payload={"cause": {"act": "eligibility", "target": str(eligibility_id)}},
            coalesce_key="roles",
        )


def _fill(row: Eligibility, spec: EligibilitySpec) -> None:
    for field, model, wanted in (
        ("role", Role, spec.role),
        ("principal", Principal, spec.principal),
        ("group", PrincipalGroup, spec.group),
        ("holders", Role, spec.holders),
        ("scope", Resource, spec.scope),
    ):
        found = model.objects.filter(pk=wanted).first() if wanted else None
        if found is None and (wanted or field == "role"):
            raise EligibilityInvalidError(f"There is no such {field}.", field=field)
        setattr(row, field, found)
    row.purpose = spec.purpose.strip()
    row.max_minutes = spec.max_minutes
    row.ticket_pattern = spec.ticket_pattern.strip()
    row.is_active = spec.is_active


def _state(row: Eligibility) -> dict[str, Any]:
    return {
        "purpose": row.purpose,
        "role": row.role.slug,
        "scope": f"{row.scope.type}::{row.scope.key}" if row.scope else None,
        "offered_to": row.offered_to,
        "max_minutes": row.max_minutes,
        "ticket_pattern": row.ticket_pattern,
        "is_active": row.is_active,
    }
