"""What the pages of a request show."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Any

from django.db.models import prefetch_related_objects
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.accounts.models import User
from apps.approvals import rules, selectors
from apps.approvals.admin.showing import compare, describe_request_item
from apps.approvals.choices import ItemKind, RequestState, Verdict
from apps.approvals.errors import VoteEvidenceError
from apps.approvals.models import ApprovalRequest, Vote
from apps.approvals.rules.conversions import is_conversion
from apps.policies import selectors as policies
from apps.roles import selectors as roles
from apps.roles.choices import Tier
from protocol.records import EntityRef

TONES = {
    RequestState.OPEN: "warn",
    RequestState.APPROVED: "ok",
    RequestState.DENIED: "bad",
    RequestState.CANCELLED: "muted",
    RequestState.EXPIRED: "muted",
}


_DIRECTORY = "directory"
_MOST_NAMES = 3


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


def proposed(proposal: selectors.Proposal) -> dict[str, Any]:
    """Return what the page shows of a draft that is about to be proposed."""
    return {
        "proposal": proposal,
        "fields": compare(proposal.before, proposal.content),
        "says": selectors.sentence_of(proposal.content),
        "was": selectors.sentence_of(proposal.before) if proposal.before else "",
    }


def share_directory(rows: Iterable[ApprovalRequest]) -> None:
    """Let all rows of a list ask the same directory."""
    directory = selectors.Directory(timezone.now())
    for row in rows:
        row.__dict__[_DIRECTORY] = directory


def directory_of(request: ApprovalRequest) -> selectors.Directory | None:
    """Return the directory that a row shares with others, if it does."""
    found: selectors.Directory | None = request.__dict__.get(_DIRECTORY)
    return found


def waits_for(request: ApprovalRequest) -> str:
    """Name those whose decision a request waits for."""
    if not request.is_open:
        return ""
    names = list(
        selectors.standing_of(request, directory_of(request)).awaited().values()
    )
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more or "nobody who could decide"


def describe(request: ApprovalRequest) -> dict[str, Any]:
    """Return what a request changes and how far it got."""
    prefetch_related_objects([request], "items", "votes")
    standing = selectors.standing_of(request)
    changes = [
        {
            "item": change.item,
            "drift": change.drift,
            **describe_request_item(change.item),
        }
        for change in selectors.changes_of(request)
    ]
    is_outdated = any(change["drift"] for change in changes)
    return {
        "change_request": request,
        "standing": standing,
        "subject": subject_facts(request),
        "state_pill": state_pill(request),
        "changes": changes,
        "is_outdated": is_outdated or request.voided_at is not None,
        "stages": _stages(standing),
        "deadline": standing.deadline if request.is_open else None,
        "votes": [_vote_row(vote) for vote in request.votes.all()],
    }


def activation_of(request: ApprovalRequest) -> policies.Effective | None:
    """Return when what a request changes begins to count, if it says one time."""
    contents = [i.content for i in request.items.all() if i.kind == ItemKind.POLICY]
    named = {one.get("effective_from") or None for one in contents}
    said = request.document.get("activate_at")
    if said is None and len(named) == 1:
        said = next(iter(named))
    if not said:
        return None
    windows = {name for one in contents for name in one.get("windows") or ()}
    return policies.effective_at(dt.datetime.fromisoformat(said), windows)


def _stages(standing: selectors.Standing) -> list[dict[str, Any]]:
    """Return the stages as steps, with who may decide on them and on what terms."""
    request = standing.request
    progress = selectors.progress_of(request, standing.directory)
    rows = []
    for number, (stage, quorum) in enumerate(
        zip(standing.flow.stages, progress.stages, strict=True)
    ):
        is_current = request.is_open and number == progress.current
        is_done = quorum.outcome is rules.Outcome.APPROVED
        rows.append(
            {
                "stage": stage,
                "quorum": quorum,
                "mark": "is-done" if is_done else "is-current" if is_current else "",
                "approvers": ", ".join(map(str, stage.approvers)),
                "waits_for": standing.awaited().values() if is_current else (),
                "is_escalated": number in request.escalated,
                "conditions": [str(one) for one in stage.conditions],
                "ignored": [
                    (standing.directory.name(person), why)
                    for person, why in quorum.ignored
                ],
            }
        )
    return rows


def subject_facts(request: ApprovalRequest) -> list[tuple[str, object]]:
    """Return what a request that is not about drafts asks for, line by line."""
    subject = rules.parse_subject(request.document)
    if subject is None:
        return []
    told: list[tuple[str, object]] = [
        ("Role", subject.role),
        ("Tier", Tier(subject.tier).label),
        ("Where", _place(subject.scope)),
        *_beneficiary(subject),
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


def _place(scope: EntityRef | None) -> str:
    """Return what a scope is called; the key stands beside it, as it is signed."""
    if scope is None:
        return "everywhere"
    row = roles.resources().filter(type=scope.type, key=scope.id).first()
    name = row.name if row else ""
    return f"{name} ({scope.type} {scope.id})" if name else f"{scope.type} {scope.id}"


def _beneficiary(subject: rules.Subject) -> list[tuple[str, object]]:
    """Return for whom it is; a conversion names its people line by line."""
    if is_conversion(subject.document):
        return []
    return [("For", selectors.name_of(subject.beneficiary_id))]


def what_next(standing: selectors.Standing, user: User) -> dict[str, Any]:
    """Return what this person may do about a request, or why they may not vote."""
    request, found = standing.request, standing.judge(user.pk)
    may_cancel = request.is_open and (
        user.pk in {request.opened_by_id, selectors.parties_of(request).beneficiary}
        or selectors.SECURITY_ADMIN in selectors.roles_of(user.pk)
    )
    return {
        "may_vote": request.is_open and found.reason is rules.Reason.NONE,
        "stands_for": [standing.directory.name(person) for person in found.way],
        "refusal": found.reason.sentence if request.is_open else "",
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
        "stands_for": [person["name"] for person in vote.document.get("for", ())],
        "verdict": pill(tone, vote.get_verdict_display()),
        "proof": proof,
        "credential": bytes(vote.credential_id).hex()[:16],
    }
