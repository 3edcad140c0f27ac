"""Open requests about something else than drafts: an elevation, an assignment."""

from __future__ import annotations

import dataclasses
import uuid

from django.db import transaction

from apps.approvals import rules, selectors
from apps.approvals.choices import RequestKind, RequestState
from apps.approvals.errors import (
    NobodyCanApproveError,
    OpenForbiddenError,
    SubjectInAnotherRequestError,
)
from apps.approvals.models import ApprovalRequest
from apps.approvals.rules.subjects import Subject
from apps.approvals.services.opening import create_request
from apps.approvals.services.telling import ask
from apps.approvals.services.trail import require_proposer, require_words, user_id_of
from apps.audit.events import Actor
from apps.roles import services as roles
from apps.roles.rules import AssignmentSpec


@transaction.atomic
def open_subject_request(*, actor: Actor, subject: Subject) -> ApprovalRequest:
    """Ask for a decision about a subject, and fix the digest of what it says.

    Raises NobodyCanApproveError with the reason, OpenForbiddenError and
    SubjectInAnotherRequestError.
    """
    if actor.kind == "user" and not selectors.roles_of_actor(actor):
        raise OpenForbiddenError
    title, reason = subject.title.strip(), subject.reason.strip()
    require_words(title, reason)
    subject = dataclasses.replace(subject, title=title, reason=reason)
    open_ones = ApprovalRequest.objects.filter(state=RequestState.OPEN)
    if open_ones.filter(subject_id=subject.id).exists():
        raise SubjectInAnotherRequestError
    preview = selectors.preview_subject(subject, opener_id=user_id_of(actor))
    if preview.problem:
        raise NobodyCanApproveError(preview.problem)
    request = create_request(
        actor=actor, title=title, reason=reason, flow=preview.flow, subject=subject
    )
    ask(request)
    return request


@transaction.atomic
def request_assignment(*, actor: Actor, spec: AssignmentSpec) -> ApprovalRequest:
    """Ask that a principal be given a role. Raises also what assign_role raises.

    What is kept apart from what the principal holds is refused before anybody is asked.
    """
    require_proposer(actor)
    roles.require_assignable(spec)
    return open_subject_request(actor=actor, subject=assignment_subject(spec))


def assignment_subject(spec: AssignmentSpec) -> Subject:
    """Return what a request for an assignment is about."""
    role = selectors.role_named(spec.role)
    principal = selectors.principal_named(spec.principal)
    return Subject(
        kind=RequestKind.ASSIGNMENT,
        id=uuid.uuid4(),
        title=f"{role.name} for {principal}"[:160],
        reason=spec.reason or "",
        beneficiary_id=principal.user_id,
        involved_ids=frozenset(),
        tier=role.tier,
        role=role.slug,
        scope=spec.scope,
        risk=rules.risk_of_tier(role.tier),
        blast_radius=selectors.blast_radius(spec.scope),
        fields={"reason": spec.reason, "source": spec.source},
        document=rules.assignment_document(spec),
    )
