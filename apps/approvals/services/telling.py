"""Tell people what waits for them, and what became of what they asked for."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.urls import reverse

from apps.approvals import rules, selectors
from apps.approvals.choices import RequestKind
from apps.approvals.models import ApprovalRequest
from apps.notifications.choices import Event
from apps.notifications.services import notify


def ask(request: ApprovalRequest, event: Event = Event.APPROVAL_REQUESTED) -> None:
    """Tell those who may decide on the current stage that it waits for them."""
    standing = selectors.standing_of(request)
    deadline = standing.deadline
    data = {"deadline": deadline.isoformat()} if deadline else {}
    words = {
        Event.APPROVAL_REMINDER: "still waits for you",
        Event.APPROVAL_ESCALATED: "was escalated to you",
    }.get(event, "waits for you")
    _tell(
        event,
        standing.awaited(),
        request,
        title=f"“{request.title}” {words}",
        data=data,
    )


def tell_decided(request: ApprovalRequest) -> None:
    """Tell who asked, and who gains, what was decided."""
    parties = selectors.parties_of(request)
    people = {parties.opener, parties.beneficiary, *parties.authors} - {None}
    state = request.get_state_display().lower()
    _tell(
        Event.APPROVAL_DECIDED,
        (person for person in people if person),
        request,
        title=f"“{request.title}” is {state}",
        data={},
        path=_page_of_asker(request),
    )


def tell_voided(request: ApprovalRequest, why: str) -> None:
    """Tell who asked and who voted that no vote on a request counts any more."""
    voters = request.votes.values_list("user_id", flat=True)
    people = {*voters, *({request.opened_by_id} - {None})}
    _tell(
        Event.APPROVAL_DECIDED,
        (person for person in people if person),
        request,
        title=f"Votes on “{request.title}” do not count any more",
        data={},
        body=why,
    )


def page_of(request: ApprovalRequest) -> str:
    """Return the page on which people of the console decide on a request."""
    return reverse("admin:approvals_approvalrequest_change", args=[request.pk])


def _page_of_asker(request: ApprovalRequest) -> str:
    """Return the own page on which an elevation goes on; other requests have none."""
    if request.kind == RequestKind.ELEVATION and request.subject_id:
        return reverse("access:elevation", args=[request.subject_id])
    return ""


def _tell(
    event: Event,
    recipients: Iterable[uuid.UUID],
    request: ApprovalRequest,
    *,
    title: str,
    data: Mapping[str, Any],
    body: str = "",
    path: str = "",
) -> None:
    subject = rules.parse_subject(request.document)
    risk = {"risk": subject.risk} if subject else {}
    told = frozenset(recipients)
    inside = frozenset() if path else selectors.console_users(told)
    own = path or reverse("access:decide", args=[request.pk])
    for people, where in ((inside, page_of(request)), (told - inside, own)):
        if not people:
            continue
        notify(
            event=event,
            recipients=people,
            title=title,
            body=body or request.reason,
            path=where,
            data={"who": request.opened_by_name, "what": request.title, **risk, **data},
        )
