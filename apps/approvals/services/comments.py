"""Say something about what is proposed. Nothing that was said changes silently."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apps.approvals import selectors
from apps.approvals.errors import (
    CommentForbiddenError,
    CommentInvalidError,
    OpenForbiddenError,
)
from apps.approvals.events import AuditAction
from apps.approvals.models import ApprovalRequest, ChangeSet, Comment
from apps.approvals.services.telling import page_of
from apps.approvals.services.trail import user_id_of
from apps.audit.events import Actor
from apps.audit.services import append
from apps.notifications.choices import Event
from apps.notifications.services import notify
from apps.tenants.services import require_tenant_id

LONGEST = 4000
MOST_SAID = 1000


@dataclass(frozen=True)
class About:
    """What is talked about; a request of a set of changes means the set."""

    change_set: ChangeSet | None = None
    request: ApprovalRequest | None = None

    @property
    def title(self) -> str:
        """Return what people call it."""
        return str(self.change_set or self.request)

    @property
    def page(self) -> str:
        """Return where people read on."""
        request = self.request
        if self.change_set is not None:
            request = self.change_set.request if not self.change_set.is_draft else None
        if request is not None:
            return page_of(request)
        pk = self.change_set.pk if self.change_set else None
        return reverse("admin:approvals_changeset_change", args=[pk])


def about_request(request: ApprovalRequest) -> About:
    """Return what a comment on a request is about."""
    change_set = selectors.set_of_request(request)
    return About(change_set) if change_set else About(request=request)


@transaction.atomic
def add_comment(
    *,
    actor: Actor,
    about: About,
    body: str,
    item: str = "",
    parent_id: uuid.UUID | None = None,
) -> Comment:
    """Say something, or answer it. Raises CommentInvalidError, OpenForbiddenError."""
    person = user_id_of(actor)
    if person is None or not _may_see(about, person):
        raise OpenForbiddenError
    said = selectors.comments_about(about.change_set, about.request)
    parent = None
    if parent_id is not None:
        parent = selectors.comment_by_id(parent_id)
        if parent not in said:
            raise CommentInvalidError("The answer is to another talk.", field="parent")
        item = parent.item
    elif item and item not in _items(about):
        raise CommentInvalidError(f"There is no change “{item}” here.", field="item")
    if said.count() >= MOST_SAID:
        raise CommentInvalidError(f"There are {MOST_SAID} comments already.")
    row = Comment.objects.create(
        tenant_id=require_tenant_id(),
        change_set=about.change_set,
        request=about.request,
        item=item,
        parent=parent,
        author_id=person,
        author_name=actor.name,
        body=_checked(body),
    )
    _note(actor, AuditAction.COMMENTED, row, None, row.body)
    _tell(actor, about, row)
    return row


@transaction.atomic
def edit_comment(*, actor: Actor, comment_id: uuid.UUID, body: str) -> Comment:
    """Change what one said; what it was stays to be seen."""
    row = _own(actor, comment_id)
    body = _checked(body)
    if body == row.body:
        return row
    now, before = timezone.now(), row.body
    since = row.edited_at or row.created_at
    # In the order in which PostgreSQL gives it back, for one entity tag of one state.
    row.history = [*row.history, {"at": since.isoformat(), "body": before}]
    row.body, row.edited_at = body, now
    row.save()
    _note(actor, AuditAction.COMMENT_EDITED, row, before, body)
    return row


@transaction.atomic
def delete_comment(*, actor: Actor, comment_id: uuid.UUID) -> Comment:
    """Take back what one said; that something stood there stays to be seen."""
    row = _own(actor, comment_id)
    row.body, row.history, row.deleted_at = "", [], timezone.now()
    row.save()
    _note(actor, AuditAction.COMMENT_DELETED, row, None, None)
    return row


def _may_see(about: About, person: uuid.UUID) -> bool:
    """Say whether a person sees the subject: in the console, or as concerned."""
    if selectors.console_users([person]):
        return True
    request = about.request
    if about.change_set is not None:
        request = about.change_set.request
    return request is not None and selectors.concerns(
        selectors.standing_of(request), person
    )


def _own(actor: Actor, comment_id: uuid.UUID) -> Comment:
    row = selectors.lock_comment(comment_id)
    if row.author_id != user_id_of(actor):
        raise CommentForbiddenError
    if row.deleted_at is not None:
        raise CommentInvalidError("The comment is deleted.")
    return row


def _checked(body: str) -> str:
    body = body.strip().replace("\x00", "")
    if not 0 < len(body) <= LONGEST:
        raise CommentInvalidError(field="body")
    return body


def _items(about: About) -> set[str]:
    found: list[tuple[str, str]] = []
    if about.change_set is not None:
        found = list(about.change_set.items.values_list("kind", "slug"))
    elif about.request is not None:
        found = list(about.request.items.values_list("kind", "slug"))
    return {f"{kind}:{slug}" for kind, slug in found}


def _people(about: About) -> set[uuid.UUID | None]:
    """Return who wrote, who proposed, who voted and who spoke."""
    said = selectors.comments_about(about.change_set, about.request)
    people: set[uuid.UUID | None] = set(said.values_list("author_id", flat=True))
    requests = [about.request] if about.request else []
    if about.change_set is not None:
        people.add(about.change_set.author_id)
        pairs = about.change_set.items.values_list("author_id", "last_editor_id")
        people.update(person for pair in pairs for person in pair)
        if about.change_set.request is not None:
            requests.append(about.change_set.request)
    for request in requests:
        people.add(request.opened_by_id)
        people.update(request.votes.values_list("user_id", flat=True))
    return people


def _tell(actor: Actor, about: About, row: Comment) -> None:
    """Tell those whom it is about, but not who speaks."""
    people = _people(about)
    notify(
        event=Event.APPROVAL_COMMENTED,
        recipients=[one for one in people if one and one != row.author_id],
        title=f"{actor.name} commented on “{about.title}”",
        body=row.body[:500],
        path=about.page,
        data={"who": actor.name, "what": about.title},
    )


def _note(
    actor: Actor,
    action: AuditAction,
    row: Comment,
    before: str | None,
    after: str | None,
) -> None:
    about = row.change_set_id or row.request_id
    append(
        actor=actor,
        action=action,
        target_type="comment",
        target_id=str(row.pk),
        before=None if before is None else {"body": before},
        after=None if after is None else {"body": after},
        context={"about": str(about), "item": row.item},
    )
