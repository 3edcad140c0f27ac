"""Take a request for access."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.approvals import services as approvals
from apps.approvals.errors import NobodyCanApproveError, OpenForbiddenError
from apps.arap import selectors
from apps.arap.choices import TaskStatus
from apps.arap.errors import (
    DuplicateRequestError,
    NotRequestableError,
    RequestInvalidError,
)
from apps.arap.events import ArapAction
from apps.arap.models import AccessRequest
from apps.arap.rules.binding import Denial, verify_binding
from apps.arap.rules.requests import AccessSpec, Callback, minutes_wanted
from apps.audit import services as audit
from apps.audit.events import Actor
from apps.core.errors import ForbiddenError
from apps.elevations.errors import (
    AlreadyRequestedError,
    EligibilityNotFoundError,
    NotEligibleError,
)
from apps.elevations.models import Elevation
from apps.elevations.rules import ElevationSpec, default_minutes
from apps.elevations.selectors import eligibility_by_id
from apps.nodes.selectors import node_key
from apps.roles.selectors import principals
from apps.tenants.services import require_tenant_id

_LONGEST_REASON = 500


@dataclass(frozen=True)
class Submission:
    """Who sends a request, and how sure it is that they are whom it is for.

    `user` is the person whose token it is; a client has none. `has_mfa` says that the
    token was made by somebody who had proven more than one factor.
    """

    actor: Actor
    holder: str
    user: User | None = None
    has_mfa: bool = False


@transaction.atomic
def submit(*, actor: Actor, sent_by: Submission, spec: AccessSpec) -> AccessRequest:
    """Ask for the role that the denial named, for the subject of the question.

    Raises the errors of the profile, and an InvalidError that names a field.
    """
    now = timezone.now()
    denial = verify_binding(
        spec.token,
        spec.question,
        audience=selectors.endpoint(),
        now=int(now.timestamp()),
        key_of=node_key,
    )
    if AccessRequest.objects.filter(denial_id=denial.id).exists():
        raise DuplicateRequestError
    _check_callback(spec.callback)
    requester = _requester(spec, sent_by)
    elevation = _ask(actor, requester, spec, denial, now)
    row = _keep(sent_by, spec, denial, elevation)
    audit.append(
        actor=actor,
        action=ArapAction.SUBMITTED,
        target_type="AccessRequest",
        target_id=str(row.pk),
        after={
            **spec.question.to_dict(),
            "elevation": str(elevation.pk),
            "node": str(denial.node_id),
            "evaluation": str(denial.id),
            "emergency": spec.is_emergency,
            "client": spec.client_name,
        },
    )
    return row


def _requester(spec: AccessSpec, sent_by: Submission) -> User:
    """Return the person whom the request is for."""
    who = spec.question.subject
    row = principals().filter(type=who.type, key=who.id).first()
    user = row.user if row else None
    if user is None or not user.is_active:
        raise NotRequestableError("Nobody signs in as this subject.", field="subject")
    if sent_by.user is not None and sent_by.user.pk != user.pk:
        raise ForbiddenError(
            "A personal token asks for its own person only.", field="subject"
        )
    return user


def _ask(
    actor: Actor, requester: User, spec: AccessSpec, denial: Denial, now: dt.datetime
) -> Elevation:
    try:
        eligibility = eligibility_by_id(denial.eligibility_id)
        terms = eligibility.terms
        wanted = ElevationSpec(
            eligibility=eligibility.pk,
            minutes=minutes_wanted(
                spec.until,
                now=now,
                usual=default_minutes(terms),
                longest=terms.longest,
            ),
            reason=_reason(spec, eligibility.purpose),
            ticket=spec.ticket,
        )
        return approvals.request_elevation(
            actor=actor, requester=requester, spec=wanted
        )
    except AlreadyRequestedError as error:
        raise DuplicateRequestError from error
    except (
        EligibilityNotFoundError,
        NotEligibleError,
        NobodyCanApproveError,
        OpenForbiddenError,
    ) as error:
        raise NotRequestableError(error.message) from error


def _reason(spec: AccessSpec, purpose: str) -> str:
    """Return what approvers read; an emergency is mentioned and decides nothing."""
    asked = spec.question
    where = f"{asked.resource.type} {asked.resource.id}"
    by = f" Sent by {spec.client_name}." if spec.client_name else ""
    urgent = " Marked as an emergency." if spec.is_emergency else ""
    context = f" Denied: {asked.action} on {where}.{by}{urgent}"[:_LONGEST_REASON]
    said = spec.reason or f"{purpose}."
    return said[: _LONGEST_REASON - len(context)] + context


def _check_callback(callback: Callback) -> None:
    """Raise RequestInvalidError unless the installation lists the address."""
    listed: list[str] = settings.PORTWARD_ACCESS_REQUEST_CALLBACKS
    if callback.endpoint and callback.endpoint not in listed:
        raise RequestInvalidError(
            "Nobody is called back at this address.",
            field="callback.endpoint",
            remedy="Poll the status, or have the operator list the address in "
            "PORTWARD_ACCESS_REQUEST_CALLBACKS.",
        )


def _keep(
    sent_by: Submission, spec: AccessSpec, denial: Denial, elevation: Elevation
) -> AccessRequest:
    row = AccessRequest(
        tenant_id=require_tenant_id(),
        elevation=elevation,
        denial_id=denial.id,
        node_id=denial.node_id,
        holder=sent_by.holder,
        question=spec.question.to_dict(),
        is_emergency=spec.is_emergency,
        activates=sent_by.user is not None and sent_by.has_mfa,
        callback_url=spec.callback.endpoint,
        callback_state=spec.callback.state,
        callback_events=list(spec.callback.events),
        status=TaskStatus.PENDING,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise DuplicateRequestError from error
    return row
