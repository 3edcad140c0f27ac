"""Questions about the drafts that a request proposes."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from apps.approvals import rules
from apps.approvals.choices import ItemKind
from apps.approvals.errors import (
    DraftTestsFailedError,
    DraftUntestedError,
    RequestInvalidError,
)
from apps.approvals.models import ApprovalRequest, RequestItem
from apps.approvals.selectors.grounds import (
    changed_since,
    ground_of,
    moved_sentence,
)
from apps.policies import selectors as policies
from apps.policies.models import PolicyDraft
from apps.policies.rules import Catalogue, parse_content, sentence
from apps.policies.services.drafts import compile_content


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
    draft_lock: int

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
            draft_lock=self.draft_lock,
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


def lock_drafts(draft_ids: Collection[uuid.UUID]) -> None:
    """Lock drafts and their policies, by id.

    The audit trail has one head for a tenant, which every act locks last. Whoever
    locked a draft after it could wait for an editor who waits for the head.
    """
    rows = PolicyDraft.objects.select_for_update(of=("self", "policy"))
    list(rows.select_related("policy").filter(pk__in=draft_ids).order_by("pk"))


def proposals(draft_ids: Sequence[uuid.UUID]) -> list[Proposal]:
    """Return drafts as they would be approved now, in the order asked for.

    Every one is compiled again, because what it names may have changed since it was
    saved. Raises DraftNotFoundError, PolicyInvalidError and RequestInvalidError, for
    drafts whose tests fail or do not cover what they forbid too.
    """
    catalogue = policies.catalogue()
    return [
        _proposal(policies.draft_by_id(draft_id), catalogue) for draft_id in draft_ids
    ]


def changes_of(request: ApprovalRequest) -> list[ItemChange]:
    """Return what each item changes, and how its draft differs from it by now."""
    items = list(request.items.all())
    drifts = _drifts(request, items) if request.is_open else {}
    return [
        ItemChange(
            item=item,
            fields=rules.changed_fields(item.before, item.content),
            drift=drifts.get(item.pk, ""),
        )
        for item in items
    ]


def sentence_of(content: dict[str, Any]) -> str:
    """Return what a policy with this content does, in one plain sentence."""
    parsed = parse_content(content)
    return "" if isinstance(parsed, list) else sentence(parsed)


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
    _require_tested(draft, catalogue)
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
        draft_lock=draft.lock,
    )


def _require_tested(draft: PolicyDraft, catalogue: Catalogue) -> None:
    report = policies.run_tests(draft, catalogue=catalogue)
    for problem in report.problems:
        kind = DraftTestsFailedError if report.failed else DraftUntestedError
        raise kind(f"“{draft.policy}”: {problem.message}", field="drafts")


def _drifts(
    request: ApprovalRequest, items: Sequence[RequestItem]
) -> dict[uuid.UUID, str]:
    if "change_set" in request.document:
        return {item.pk: _moved(request, item) for item in items}
    named = [item.draft_id for item in items if item.draft_id]
    drafts = policies.drafts_by_ids(named)
    return {
        item.pk: _drift(item, drafts.get(item.draft_id)) if item.draft_id else ""
        for item in items
    }


def _moved(request: ApprovalRequest, item: RequestItem) -> str:
    """Say who changed what an item of a set is based on."""
    kind = ItemKind(item.kind)
    ground = ground_of(kind, item.slug)
    if ground.digest == item.base:
        return ""
    author = changed_since(kind, item.slug, request.created_at)
    names = [name for name, _, _ in rules.changed_fields(item.before, ground.content)]
    return moved_sentence(item.name, author, names)


def _drift(item: RequestItem, draft: PolicyDraft | None) -> str:
    if draft is None:
        return f"The draft of “{item.name}” was discarded."
    is_same = draft.digest == item.content_digest
    if is_same and item.draft_lock in (None, draft.lock):
        return ""
    if is_same:
        return f"“{item.name}” was saved again after it was proposed."
    names = [name for name, _, _ in rules.changed_fields(item.content, draft.content)]
    changed = ", ".join(name.replace("_", " ") for name in names) or "what it names"
    return f"“{item.name}” was edited after it was proposed: {changed} changed."
