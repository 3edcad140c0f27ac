"""What the pages of a request show."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.accounts.models import User
from apps.approvals import rules, selectors
from apps.approvals.choices import RequestState, Verdict
from apps.approvals.errors import VoteEvidenceError
from apps.approvals.models import ApprovalRequest, Vote
from apps.roles.choices import Tier

TONES = {
    RequestState.OPEN: "warn",
    RequestState.APPROVED: "ok",
    RequestState.DENIED: "bad",
    RequestState.CANCELLED: "muted",
    RequestState.EXPIRED: "muted",
}


def pill(tone: str, text: object) -> SafeString:
    """Show a state as a colored word."""
    return format_html('<span class="pw-pill pw-pill--{}">{}</span>', tone, text)


def state_pill(request: ApprovalRequest) -> SafeString:
    """Show where a request stands."""
    return pill(TONES[RequestState(request.state)], request.get_state_display())


def page_of(request_id: uuid.UUID) -> str:
    """Return the address of the page of a request."""
    return reverse("admin:approvals_approvalrequest_change", args=[request_id])


def wanted_drafts(request: HttpRequest) -> list[uuid.UUID]:
    """Return the drafts named in `?drafts=id,id` or `?draft=id&draft=id`."""
    named = [
        *request.GET.getlist("draft"),
        *",".join(request.GET.getlist("drafts")).split(","),
    ]
    return list(dict.fromkeys(parse_id(text) for text in named if text))


def parse_id(text: str) -> uuid.UUID:
    """Return an id from an address; what is none names nothing."""
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise Http404 from error


def compare(
    before: dict[str, Any] | None, after: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the fields that differ as lines to show side by side."""
    return [
        {
            "name": name.replace("_", " "),
            "before": rules.readable(old),
            "after": rules.readable(new),
        }
        for name, old, new in rules.changed_fields(before, after)
        if rules.readable(old) != rules.readable(new)
    ]


def proposed(proposal: selectors.Proposal) -> dict[str, Any]:
    """Return what the page shows of a draft that is about to be proposed."""
    return {
        "proposal": proposal,
        "fields": compare(proposal.before, proposal.content),
        "sentence": selectors.sentence_of(proposal.content),
    }


def describe(request: ApprovalRequest) -> dict[str, Any]:
    """Return what a request changes and how far it got."""
    quorum = selectors.quorum_of(request)
    changes = [
        {
            "item": change.item,
            "drift": change.drift,
            "sentence": selectors.sentence_of(change.item.content),
            "fields": compare(change.item.before, change.item.content),
        }
        for change in selectors.changes_of(request)
    ]
    return {
        "change_request": request,
        "subject": subject_facts(request),
        "state_pill": state_pill(request),
        "changes": changes,
        "is_outdated": any(change["drift"] for change in changes),
        "quorum": quorum,
        "stage": selectors.stage_of(request),
        "votes": [_vote_row(vote) for vote in request.votes.all()],
    }


def subject_facts(request: ApprovalRequest) -> list[tuple[str, object]]:
    """Return what a request that is not about drafts asks for, line by line."""
    subject = rules.parse_subject(request.document)
    if subject is None:
        return []
    told: list[tuple[str, object]] = [
        ("Role", subject.role),
        ("Tier", Tier(subject.tier).label),
        ("Where", str(subject.scope or "everywhere")),
        ("For", selectors.name_of(subject.beneficiary_id)),
        ("Risk", f"{subject.risk} of 100"),
        ("Reaches", f"{subject.blast_radius} resources or principals"),
    ]
    told += [(name.capitalize(), text) for name, text in subject.fields.items() if text]
    told += [
        (name.replace("_", " ").capitalize(), ", ".join(rules.readable(value)))
        for name, value in subject.document.items()
        if rules.readable(value) and name not in {"role", "scope", *subject.fields}
    ]
    if request.expires_at:
        told.append(("Waits until", f"{request.expires_at:%-d %b %Y %H:%M} UTC"))
    return told


def what_next(request: ApprovalRequest, user: User) -> dict[str, Any]:
    """Return what this person may do about a request, or why they may not vote."""
    refusal = selectors.refusal_for(request, user.pk)
    may_cancel = request.is_open and (
        user.pk in {request.opened_by_id, selectors.parties_of(request).beneficiary}
        or selectors.SECURITY_ADMIN in selectors.roles_of(user.pk)
    )
    return {
        "may_vote": request.is_open and refusal is rules.Reason.NONE,
        "refusal": refusal.sentence if request.is_open else "",
        "may_cancel": may_cancel,
    }


def _vote_row(vote: Vote) -> dict[str, Any]:
    try:
        rules.verify_vote(selectors.evidence_of(vote))
    except VoteEvidenceError as error:
        proof = pill("bad", error.message)
    else:
        proof = pill("ok", "Signature verified")
    tone = "ok" if vote.verdict == Verdict.APPROVE else "bad"
    return {
        "vote": vote,
        "verdict": pill(tone, vote.get_verdict_display()),
        "proof": proof,
        "credential": bytes(vote.credential_id).hex()[:16],
    }
