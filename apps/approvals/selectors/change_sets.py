"""Questions about sets of changes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet

from apps.approvals import rules
from apps.approvals.choices import ChangeSetState, ItemKind
from apps.approvals.errors import ChangeNotFoundError, ChangeSetNotFoundError
from apps.approvals.models import ApprovalRequest, ChangeItem, ChangeSet
from apps.approvals.selectors.grounds import (
    Author,
    Ground,
    changed_since,
    ground_of,
    moved_sentence,
)


@dataclass(frozen=True)
class Conflict:
    """Somebody changed what a change is based on."""

    item: ChangeItem
    ground: Ground
    author: Author | None
    fields: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Say who changed what and when."""
        return moved_sentence(str(self.item), self.author, self.fields)


def change_sets() -> QuerySet[ChangeSet]:
    """Return all sets with the number of their changes, the last changed first."""
    return ChangeSet.objects.annotate(changes=Count("items")).order_by("-updated_at")


def open_sets_of(user_id: uuid.UUID) -> QuerySet[ChangeSet]:
    """Return the sets of a person that changes can be added to."""
    return change_sets().filter(author_id=user_id, state=ChangeSetState.DRAFT)


def change_set_by_id(set_id: uuid.UUID) -> ChangeSet:
    """Return a set or raise ChangeSetNotFoundError."""
    return _one(ChangeSet.objects.select_related("request"), set_id)


def lock_change_set(set_id: uuid.UUID) -> ChangeSet:
    """Return a set with its row locked, or raise ChangeSetNotFoundError."""
    return _one(ChangeSet.objects.select_for_update(), set_id)


def items_of(change_set: ChangeSet) -> list[ChangeItem]:
    """Return the changes of a set, in the order in which they are carried out."""
    order = list(ItemKind)
    return sorted(
        change_set.items.all(),
        key=lambda item: (order.index(ItemKind(item.kind)), item.slug),
    )


def item_by_id(change_set: ChangeSet, item_id: uuid.UUID) -> ChangeItem:
    """Return a change of a set or raise ChangeNotFoundError."""
    try:
        return change_set.items.get(pk=item_id)
    except ChangeItem.DoesNotExist as error:
        raise ChangeNotFoundError from error


def set_of_request(request: ApprovalRequest) -> ChangeSet | None:
    """Return the set that a request was opened for, if it was."""
    named = request.document.get("change_set")
    if named is None:
        return None
    return ChangeSet.objects.filter(pk=named["id"]).first()


def conflicts_of(items: Sequence[ChangeItem]) -> list[Conflict]:
    """Return the changes whose ground was changed since they were written."""
    found = []
    for item in items:
        kind = ItemKind(item.kind)
        ground = ground_of(kind, item.slug)
        if ground.digest == item.base:
            continue
        fields = tuple(
            name
            for name, _, _ in rules.changed_fields(item.base_content, ground.content)
        )
        author = changed_since(kind, item.slug, item.updated_at)
        found.append(Conflict(item, ground, author, fields))
    return found


def outcome_of(change_set: ChangeSet, item: ChangeItem) -> dict[str, Any]:
    """Return what one change came to when the set was tried out."""
    for one in change_set.outcome.get("items", []):
        if (one["kind"], one["slug"]) == (item.kind, item.slug):
            return dict(one)
    return {}


def _one(rows: QuerySet[ChangeSet], set_id: uuid.UUID) -> ChangeSet:
    try:
        return rows.get(pk=set_id)
    except ChangeSet.DoesNotExist as error:
        raise ChangeSetNotFoundError from error
