"""Questions about what was said."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import QuerySet

from apps.approvals.errors import CommentNotFoundError
from apps.approvals.models import ApprovalRequest, ChangeSet, Comment
from apps.approvals.selectors.change_sets import set_of_request


@dataclass
class Thread:
    """A comment with the answers to it."""

    comment: Comment
    replies: list[Thread] = field(default_factory=list)


def comments_about(
    change_set: ChangeSet | None, request: ApprovalRequest | None
) -> QuerySet[Comment]:
    """Return what was said about a set, or about a request without one."""
    if change_set is not None:
        return Comment.objects.filter(change_set=change_set).order_by("created_at")
    return Comment.objects.filter(request=request).order_by("created_at")


def comments_on(request: ApprovalRequest) -> QuerySet[Comment]:
    """Return what was said about a request, or about the set that it is of."""
    change_set = set_of_request(request)
    return comments_about(change_set, None if change_set else request)


def comment_by_id(comment_id: uuid.UUID) -> Comment:
    """Return a comment or raise CommentNotFoundError."""
    return _one(Comment.objects.select_related("change_set", "request"), comment_id)


def lock_comment(comment_id: uuid.UUID) -> Comment:
    """Return a comment with its row locked, or raise CommentNotFoundError."""
    return _one(Comment.objects.select_for_update(), comment_id)


def threads(comments: Iterable[Comment]) -> list[Thread]:
    """Return comments with their answers below them, oldest first.

    An answer to an answer stands in the same thread, so that threads have one level.
    """
    found: list[Thread] = []
    by_id: dict[uuid.UUID, Thread] = {}
    for comment in comments:
        above = by_id.get(comment.parent_id) if comment.parent_id else None
        thread = Thread(comment)
        by_id[comment.pk] = above or thread
        (found if above is None else above.replies).append(thread)
    return found


def _one(rows: QuerySet[Comment], comment_id: uuid.UUID) -> Comment:
    try:
        return rows.get(pk=comment_id)
    except Comment.DoesNotExist as error:
        raise CommentNotFoundError from error
