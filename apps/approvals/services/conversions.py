"""Turn standing assignments of a role into rights to ask for it, once approved."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.db import transaction

from apps.approvals import rules, selectors
from apps.approvals.choices import RequestKind
from apps.approvals.errors import RequestInvalidError
from apps.approvals.models import ApprovalRequest
from apps.approvals.rules.conversions import (
    MOST_CONVERTED,
    Conversion,
    Held,
    conversion_document,
    conversion_of,
    people_of,
    purpose_for,
)
from apps.approvals.rules.subjects import Subject
from apps.approvals.services.subjects import open_subject_request
from apps.approvals.services.trail import require_proposer
from apps.audit.events import Actor
from apps.elevations import services as elevations
from apps.elevations.rules import EligibilitySpec, check_eligibility
from apps.roles import services as roles
from apps.roles.choices import AssignmentSource
from apps.roles.models import Assignment
from protocol.records import EntityRef


@transaction.atomic
def request_conversion(
    *, actor: Actor, spec: Conversion, assignment_ids: Collection[uuid.UUID]
) -> ApprovalRequest:
    """Ask that standing assignments of a role become rights to ask for it.

    Those who hold them do not decide on it. Raises RequestInvalidError,
    EligibilityInvalidError and what `open_subject_request` raises.
    """
    require_proposer(actor)
    role = selectors.role_named(spec.role)
    rows = list(selectors.convertible().filter(role=role, pk__in=assignment_ids))
    if not rows or len(rows) != len(set(assignment_ids)):
        raise RequestInvalidError(
            "Some of these assignments are not there any more.",
            remedy="Look at the list again.",
        )
    if len(rows) > MOST_CONVERTED:
        raise RequestInvalidError(
            f"One request converts at most {MOST_CONVERTED} assignments."
        )
    first = rows[0].principal_id
    offer = EligibilitySpec(spec.purpose, role.pk, spec.minutes, principal=first)
    check_eligibility(offer, role.tier)
    held = tuple(_held(row) for row in rows)
    wanted = Conversion(spec.role, spec.purpose, spec.minutes, spec.reason, held)
    return open_subject_request(
        actor=actor,
        subject=Subject(
            kind=RequestKind.ASSIGNMENT,
            # One request for a role at a time.
            id=uuid.uuid5(role.pk, "standing-to-eligibility"),
            title=f"{role.name}: ask for it instead of holding it, "
            f"{people_of(held)} people"[:160],
            reason=spec.reason,
            beneficiary_id=None,
            involved_ids=frozenset(
                row.principal.user_id for row in rows if row.principal.user_id
            ),
            tier=role.tier,
            role=role.slug,
            scope=None,
            risk=rules.risk_of_tier(role.tier),
            blast_radius=len(rows),
            fields={"reason": spec.reason, "source": AssignmentSource.STANDING.value},
            document=conversion_document(wanted),
        ),
    )


def carry_out_conversion(actor: Actor, request: ApprovalRequest) -> None:
    """Offer the role to each holder and end what they hold, in one transaction.

    What was revoked or changed hands meanwhile is left alone.
    """
    spec = conversion_of(request.document["subject"]["document"])
    ids = [one.assignment for one in spec.held]
    rows = selectors.convertible().filter(role__slug=spec.role, pk__in=ids)
    for row in rows.select_for_update(of=("self",)):
        elevations.save_eligibility(
            actor=actor,
            spec=EligibilitySpec(
                # A tenant's file knows an eligibility by its purpose alone.
                purpose_for(spec, row.pk),
                row.role_id,
                spec.minutes,
                principal=row.principal_id,
                scope=row.scope_id,
            ),
        )
        roles.revoke_assignment(
            actor=actor,
            assignment_id=row.pk,
            reason=f"May be asked for instead; request {request.pk}.",
        )


def _held(row: Assignment) -> Held:
    scope = row.scope
    return Held(
        row.pk,
        EntityRef(row.principal.type, row.principal.key),
        str(row.principal),
        EntityRef(scope.type, scope.key) if scope else None,
    )
