"""Give roles to principals, and take them away."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.audit.events import Actor
from apps.roles import rules, selectors
from apps.roles.choices import AssignmentSource
from apps.roles.errors import (
    AssignmentExistsError,
    AssignmentNotFoundError,
    UnknownPrincipalError,
    UnknownResourceError,
    UnknownRoleError,
)
from apps.roles.events import RolesAction
from apps.roles.models import Assignment, Principal, Resource, Role
from apps.roles.rules import AssignmentSpec
from apps.roles.services.separation import require_separation, require_use_apart
from apps.roles.services.trail import announce
from apps.tenants.services import require_tenant_id
from protocol.records import EntityRef


@transaction.atomic
def assign_role(*, actor: Actor, spec: AssignmentSpec) -> Assignment:
    """Give a principal a role, everywhere or on one resource, for a time or always.

    Raises an InvalidError that names the field, AssignmentExistsError, and
    SeparationError for what is kept apart from what the principal holds.
    """
    row = _checked(spec)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if "roles_assignment_standing_unique" in str(error):
            raise AssignmentExistsError(field="role") from error
        raise
    announce(
        actor=actor,
        action=RolesAction.ASSIGNMENT_CREATED,
        target=("Assignment", str(row.pk)),
        before=None,
        after=_state(row),
        urgent=spec.source != AssignmentSource.STANDING,
    )
    return row


@transaction.atomic
def revoke_assignment(
    *, actor: Actor, assignment_id: uuid.UUID, reason: str = ""
) -> Assignment:
    """End an assignment now. The row stays, as history.

    Raises AssignmentNotFoundError, also when it was revoked before.
    """
    row = (
        Assignment.objects.select_for_update(of=("self",))
        .select_related("principal", "role", "scope", "delegator")
        .filter(pk=assignment_id, revoked_at__isnull=True)
        .first()
    )
    if row is None:
        raise AssignmentNotFoundError
    row.revoked_at = timezone.now()
    row.revoked_reason = reason
    row.save(update_fields=["revoked_at", "revoked_reason", "updated_at"])
    announce(
        actor=actor,
        action=RolesAction.ASSIGNMENT_REVOKED,
        target=("Assignment", str(row.pk)),
        before=_state(row),
        after={"revoked": reason} if reason else None,
        urgent=True,
    )
    return row


@transaction.atomic
def require_assignable(spec: AssignmentSpec) -> None:
    """Raise now what would be raised if a principal were given a role. Writes nothing.

    Raises an InvalidError that names the field, and SeparationError.
    """
    _checked(spec)


def _checked(spec: AssignmentSpec) -> Assignment:
    """Return a row to save, after all that it must not do was looked at."""
    rules.check_assignment(spec)
    row = Assignment(
        tenant_id=require_tenant_id(),
        # Locked, so that two roles that are kept apart do not come at once.
        principal=_principal(spec.principal, "principal", lock=True),
        role=_role(spec),
        scope=_scope(spec),
        start=spec.start,
        end=spec.end,
        source=spec.source,
        reason=spec.reason,
        delegator=_principal(spec.delegator, "delegator") if spec.delegator else None,
        workflow=spec.workflow,
        workflow_id=spec.workflow_id,
    )
    now = timezone.now()
    require_separation(row.principal, row.role.slug, now)
    require_use_apart(row, now)
    return row


def _principal(ref: EntityRef, field: str, *, lock: bool = False) -> Principal:
    rows = Principal.objects.filter(type=ref.type, key=ref.id)
    row = (rows.select_for_update() if lock else rows).first()
    if row is None:
        raise UnknownPrincipalError(f"There is no {ref}.", field=field)
    return row


def _role(spec: AssignmentSpec) -> Role:
    row = Role.objects.filter(slug=spec.role).first()
    if row is None:
        raise UnknownRoleError(f"There is no role “{spec.role}”.", field="role")
    return row


def _scope(spec: AssignmentSpec) -> Resource | None:
    if spec.scope is None:
        return None
    row = Resource.objects.filter(type=spec.scope.type, key=spec.scope.id).first()
    if row is None:
        raise UnknownResourceError(f"There is no {spec.scope}.", field="scope")
    return row


def _state(row: Assignment) -> dict[str, Any]:
    return {
        "principal": f"{row.principal.type}::{row.principal.key}",
        "role": row.role.slug,
        "scope": f"{row.scope.type}::{row.scope.key}" if row.scope else None,
        "start": selectors.instant(row.start),
        "end": selectors.instant(row.end),
        "source": row.source,
        "reason": row.reason,
        "delegator": str(row.delegator) if row.delegator else None,
        "workflow": row.workflow,
        "workflow_id": str(row.workflow_id) if row.workflow_id else None,
    }
