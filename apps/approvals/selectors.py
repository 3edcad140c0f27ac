"""Questions about requests and votes, inside the scope that is open."""

from __future__ import annotations

import base64
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from apps.accounts import selectors as accounts
from apps.approvals import rules
from apps.approvals.choices import RequestKind, RequestState, Verdict
from apps.approvals.errors import RequestInvalidError, RequestNotFoundError
from apps.approvals.models import ApprovalFlow, ApprovalRequest, RequestItem, Vote
from apps.audit.events import Actor
from apps.policies import selectors as policies
from apps.policies.models import PolicyDraft
from apps.policies.rules import Catalogue, parse_content, sentence
from apps.policies.services.drafts import compile_content

SECURITY_ADMIN = "security_admin"


@dataclass(frozen=True)
class Proposal:
    """A draft as it would be approved now, beside what is live now."""

    draft_id: uuid.UUID
    policy_id: uuid.UUID
    name: str
    content: dict[str, Any]
    content_digest: str
    cedar: str
    before: dict[str, Any] | None
    before_version: int | None
    author_id: uuid.UUID | None
    last_editor_id: uuid.UUID | None

    def signed_form(self) -> dict[str, Any]:
        """Return what the request document says about this draft."""
        return {
            "policy": str(self.policy_id),
            "draft": str(self.draft_id),
            "name": self.name,
            "digest": self.content_digest,
        }

    def as_item(self, request: ApprovalRequest, position: int) -> RequestItem:
        """Return the row, not yet stored, that keeps this proposal."""
        return RequestItem(
            tenant_id=request.tenant_id,
            request=request,
            position=position,
            draft_id=self.draft_id,
            policy_id=self.policy_id,
            name=self.name,
            content_digest=self.content_digest,
            content=self.content,
            cedar=self.cedar,
            before=self.before,
            before_version=self.before_version,
            author_id=self.author_id,
            last_editor_id=self.last_editor_id,
        )


@dataclass(frozen=True)
class ItemChange:
    """What an item changes, and whether its draft still says the same."""

    item: RequestItem
    fields: list[tuple[str, Any, Any]]
    drift: str

    @property
    def is_current(self) -> bool:
        """Say whether the draft still is what was proposed."""
        return not self.drift


def requests() -> QuerySet[ApprovalRequest]:
    """Return all requests, newest first."""
    return ApprovalRequest.objects.order_by("-created_at")


def counters() -> dict[str, int]:
    """Return how many requests stand in each state."""
    found = Counter(ApprovalRequest.objects.values_list("state", flat=True))
    return {state.value: found[state.value] for state in RequestState}


def request_by_id(request_id: uuid.UUID) -> ApprovalRequest:
    """Return a request or raise RequestNotFoundError."""
    return _one(ApprovalRequest.objects.all(), request_id)


def lock_request(request_id: uuid.UUID) -> ApprovalRequest:
    """Return a request with its row locked, or raise RequestNotFoundError."""
    return _one(ApprovalRequest.objects.select_for_update(), request_id)


def lock_drafts(draft_ids: Collection[uuid.UUID]) -> None:
    """Lock drafts and their policies, by id.

    The audit trail has one head for a tenant, which every act locks last. Whoever
    locked a draft after it could wait for an editor who waits for the head.
    """
    rows = PolicyDraft.objects.select_for_update(of=("self", "policy"))
    list(rows.select_related("policy").filter(pk__in=draft_ids).order_by("pk"))


def flow_of(kind: RequestKind) -> rules.Flow:
    """Return the flow that a new request of this kind passes."""
    row = ApprovalFlow.objects.filter(kind=kind).first()
    if row is None:
        return rules.DEFAULT_FLOW
    return rules.parse_flow({"v": 1, "stages": row.stages})


def stage_of(request: ApprovalRequest) -> rules.Stage:
    """Return the stage that a request is in."""
    return rules.parse_flow(request.flow).stages[0]


def parties_of(request: ApprovalRequest) -> rules.Parties:
    """Return the persons behind a request, none of whom may decide on it."""
    items = list(request.items.all())
    return rules.Parties(
        opener=request.opened_by_id,
        authors=frozenset(i.author_id for i in items if i.author_id),
        last_editors=frozenset(i.last_editor_id for i in items if i.last_editor_id),
    )


def roles_of(user_id: uuid.UUID) -> frozenset[str]:
    """Return the roles that a user holds in the current tenant."""
    membership = (
        accounts.members().filter(user_id=user_id, user__is_active=True).first()
    )
    if membership is None or accounts.is_closed(membership):
        return frozenset()
    return frozenset(membership.roles)


def roles_of_actor(actor: Actor) -> frozenset[str]:
    """Return the roles of an actor; only people hold any."""
    return roles_of(uuid.UUID(actor.id)) if actor.kind == "user" else frozenset()


def refusal_for(request: ApprovalRequest, user_id: uuid.UUID) -> rules.Reason:
    """Return Reason.NONE, or why this person may not vote on this request."""
    return rules.may_vote(
        user_id=user_id,
        roles=roles_of(user_id),
        stage=stage_of(request),
        parties=parties_of(request),
        voted=request.votes.values_list("user_id", flat=True),
    )


def quorum_of(request: ApprovalRequest) -> rules.Quorum:
    """Count the votes of a request."""
    return rules.evaluate_quorum(
        stage=stage_of(request),
        parties=parties_of(request),
        ballots=[
            rules.Ballot(vote.user_id, Verdict(vote.verdict), frozenset(vote.roles))
            for vote in request.votes.all()
        ],
    )


def proposals(draft_ids: Sequence[uuid.UUID]) -> list[Proposal]:
    """Return drafts as they would be approved now, in the order asked for.

    Every one is compiled again, because what it names may have changed since it was
    saved. Raises DraftNotFoundError, PolicyInvalidError and RequestInvalidError.
    """
    catalogue = policies.catalogue()
    return [
        _proposal(policies.draft_by_id(draft_id), catalogue) for draft_id in draft_ids
    ]


def changes_of(request: ApprovalRequest) -> list[ItemChange]:
    """Return what each item changes, and how its draft differs from it by now."""
    items = list(request.items.all())
    drafts = policies.drafts_by_ids([item.draft_id for item in items])
    return [
        ItemChange(
            item=item,
            fields=rules.changed_fields(item.before, item.content),
            drift=_drift(item, drafts.get(item.draft_id)) if request.is_open else "",
        )
        for item in items
    ]


def sentence_of(content: dict[str, Any]) -> str:
    """Return what a policy with this content does, in one plain sentence."""
    parsed = parse_content(content)
    return "" if isinstance(parsed, list) else sentence(parsed)


def votes() -> QuerySet[Vote]:
    """Return all votes with their requests, oldest first."""
    return Vote.objects.select_related("request").order_by("cast_at", "pk")


def evidence_of(vote: Vote) -> rules.VoteEvidence:
    """Return a vote in the form that the verifier takes."""
    return rules.VoteEvidence(
        request_document=vote.request.document,
        request_digest=vote.request.digest,
        document=vote.document,
        verdict=vote.verdict,
        user_id=str(vote.user_id),
        rp_id=vote.rp_id,
        client_data=bytes(vote.client_data),
        authenticator_data=bytes(vote.authenticator_data),
        signature=bytes(vote.signature),
        public_key=bytes(vote.public_key),
    )


def certificates(request_ids: Collection[uuid.UUID]) -> list[dict[str, Any]]:
    """Return the approval certificate of each approved request, by request id."""
    found = (
        ApprovalRequest.objects.filter(pk__in=request_ids, state=RequestState.APPROVED)
        .prefetch_related("votes")
        .order_by("pk")
    )
    return [_certificate(request) for request in found]


def _one(rows: QuerySet[ApprovalRequest], request_id: uuid.UUID) -> ApprovalRequest:
    try:
        return rows.get(pk=request_id)
    except ApprovalRequest.DoesNotExist as error:
        raise RequestNotFoundError from error


def _proposal(draft: PolicyDraft, catalogue: Catalogue) -> Proposal:
    live = policies.newest_version(draft.policy_id)
    compiled = compile_content(draft.content, catalogue, draft.policy.slug)
    if compiled.digest != draft.digest:
        raise RequestInvalidError(
            f"A window, location or role that “{draft.policy}” uses was changed.",
            field="drafts",
            remedy="Open the draft, read it again and save it.",
        )
    if live is not None and live.digest == draft.digest:
        raise RequestInvalidError(
            f"“{draft.policy}” says what is live already.", field="drafts"
        )
    return Proposal(
        draft_id=draft.pk,
        policy_id=draft.policy_id,
        name=draft.policy.name,
        content=draft.content,
        content_digest=draft.digest,
        cedar=draft.cedar,
        before=live.content if live else None,
        before_version=live.number if live else None,
        author_id=draft.author_id,
        last_editor_id=draft.last_editor_id,
    )


def _drift(item: RequestItem, draft: PolicyDraft | None) -> str:
    if draft is None:
        return f"The draft of “{item.name}” was discarded."
    if draft.digest == item.content_digest:
        return ""
    names = [name for name, _, _ in rules.changed_fields(item.content, draft.content)]
    changed = ", ".join(name.replace("_", " ") for name in names) or "what it names"
    return f"“{item.name}” was edited after it was proposed: {changed} changed."


def _certificate(request: ApprovalRequest) -> dict[str, Any]:
    return {
        "v": 1,
        "type": "approval",
        "digest": request.digest,
        "request": request.document,
        "votes": [_certified(vote) for vote in _by_time(request.votes.all())],
    }


def _certified(vote: Vote) -> dict[str, Any]:
    return {
        "document": vote.document,
        "demo": vote.is_demo,
        "rp_id": vote.rp_id,
        "credential_id": _b64(vote.credential_id),
        "client_data": _b64(vote.client_data),
        "authenticator_data": _b64(vote.authenticator_data),
        "signature": _b64(vote.signature),
        "public_key": _b64(vote.public_key),
    }


def _by_time(votes: Iterable[Vote]) -> list[Vote]:
    return sorted(votes, key=lambda vote: (vote.cast_at, vote.pk))


def _b64(value: bytes | memoryview) -> str:
    return base64.urlsafe_b64encode(bytes(value)).rstrip(b"=").decode()
