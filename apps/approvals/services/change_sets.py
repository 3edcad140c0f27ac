"""Begin, change and discard sets of changes."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.approvals import rules, selectors
from apps.approvals.choices import ChangeSetState, ItemKind
from apps.approvals.errors import (
    ChangeInvalidError,
    ChangeSetChangedError,
    ChangeSetClosedError,
    NotSchedulableError,
)
from apps.approvals.events import AuditAction
from apps.approvals.models import ChangeItem, ChangeSet
from apps.approvals.services.carrying import slug_of
from apps.approvals.services.rehearsing import (
    Rehearsal,
    next_request_id,
    rehearse,
    wanted_of,
)
from apps.approvals.services.trail import (
    LONGEST_TITLE,
    require_proposer,
    user_id_of,
)
from apps.audit.events import Actor
from apps.audit.services import append
from apps.core.errors import PortwardError
from apps.tenants.services import require_tenant_id

TARGET = "change_set"
MOST_ITEMS = 100


@transaction.atomic
def create_change_set(*, actor: Actor, title: str, reason: str = "") -> ChangeSet:
    """Begin a set of changes. Raises ProposeForbiddenError and ChangeInvalidError."""
    require_proposer(actor)
    row = ChangeSet.objects.create(
        tenant_id=require_tenant_id(),
        title=_title(title),
        reason=reason.strip(),
        author_id=user_id_of(actor),
        author_name=actor.name,
    )
    note(actor, AuditAction.CHANGE_SET_CREATED, row, after=_words(row))
    return row


@transaction.atomic
def edit_change_set(
    *,
    actor: Actor,
    set_id: uuid.UUID,
    title: str,
    reason: str,
    expected_lock: int | None = None,
) -> ChangeSet:
    """Change the words that go with a set."""
    row = lock_for_change(actor, set_id, expected_lock)
    before = _words(row)
    row.title, row.reason = _title(title), reason.strip()
    if _words(row) == before:
        return row
    touch(row)
    note(actor, AuditAction.CHANGE_SET_CHANGED, row, before=before, after=_words(row))
    return row


@transaction.atomic
def schedule_change_set(
    *, actor: Actor, set_id: uuid.UUID, at: dt.datetime | None
) -> ChangeSet:
    """Say from when on nodes apply the policies of a set; none means at once.

    Raises NotSchedulableError for a set that holds anything but policies: only their
    records carry a time, so only they come into force on all nodes at one instant.
    """
    row = lock_for_change(actor, set_id, None)
    at = at.replace(microsecond=0) if at else None
    if row.activate_at == at:
        return row
    before, row.activate_at = row.activate_at, at
    if at is not None and at <= timezone.now():
        raise ChangeInvalidError("That time is over.", field="activate_at")
    items = selectors.items_of(row)
    require_schedulable(row, items)
    if items:
        try_out(actor, row, items, about="")
    touch(row)
    note(
        actor,
        AuditAction.CHANGE_SET_CHANGED,
        row,
        before={"activate_at": _moment(before)},
        after={"activate_at": _moment(at)},
    )
    return row


@transaction.atomic
def put_change(  # what is changed, and which state that is about
    *,
    actor: Actor,
    set_id: uuid.UUID,
    kind: ItemKind,
    content: Mapping[str, Any],
    slug: str = "",
    expected_lock: int | None = None,
    base: str | None = None,
) -> ChangeItem:
    """Add a change to a set, or replace the one about the same thing.

    The whole set is tried out with it first. Raises what a direct change would raise.
    `base` is the digest of what the writer saw; by default it is what is there now.
    """
    row = lock_for_change(actor, set_id, expected_lock)
    slug = slug_of(kind, content, slug)
    item = row.items.filter(kind=kind, slug=slug).first()
    before = item.content if item else None
    others = [one for one in selectors.items_of(row) if one != item]
    if len(others) >= MOST_ITEMS:
        raise ChangeInvalidError(f"A set holds at most {MOST_ITEMS} changes.")
    item = item or _new_item(actor, row, kind, slug, base)
    item.last_editor_id, item.last_editor_name = user_id_of(actor), actor.name
    item.content = dict(content)
    require_schedulable(row, [*others, item])
    outcome = try_out(actor, row, [*others, item], about=f"{kind}:{slug}")
    item.content = next(
        one.content for one in outcome.applied if (one.kind, one.slug) == (kind, slug)
    )
    item.save()
    touch(row)
    named = {"kind": str(kind), "slug": slug}
    note(
        actor,
        AuditAction.CHANGE_ADDED,
        row,
        before=named | {"content": before} if before else None,
        after=named | {"content": item.content},
    )
    return item


@transaction.atomic
def remove_change(
    *,
    actor: Actor,
    set_id: uuid.UUID,
    item_id: uuid.UUID,
    expected_lock: int | None = None,
) -> ChangeSet:
    """Take a change out of a set; refused if another one of it would break."""
    row = lock_for_change(actor, set_id, expected_lock)
    item = selectors.item_by_id(row, item_id)
    others = [one for one in selectors.items_of(row) if one != item]
    try_out(actor, row, others, about="")
    before = {"kind": item.kind, "slug": item.slug, "content": item.content}
    item.delete()
    touch(row)
    note(actor, AuditAction.CHANGE_REMOVED, row, before=before, after=None)
    return row


@transaction.atomic
def rebase_change(
    *, actor: Actor, set_id: uuid.UUID, item_id: uuid.UUID, keep: bool
) -> ChangeSet:
    """Settle a conflict: keep mine on top of theirs, or drop mine for theirs."""
    if not keep:
        return remove_change(actor=actor, set_id=set_id, item_id=item_id)
    row = lock_for_change(actor, set_id, None)
    item = selectors.item_by_id(row, item_id)
    ground = selectors.ground_of(ItemKind(item.kind), item.slug)
    before = {"kind": item.kind, "slug": item.slug, "base": item.base}
    item.base, item.base_content = ground.digest, ground.content
    item.last_editor_id, item.last_editor_name = user_id_of(actor), actor.name
    try_out(actor, row, selectors.items_of(row), about=f"{item.kind}:{item.slug}")
    item.save()
    touch(row)
    after = before | {"base": item.base}
    note(actor, AuditAction.CHANGE_ADDED, row, before=before, after=after)
    return row


@transaction.atomic
def discard_change_set(*, actor: Actor, set_id: uuid.UUID) -> ChangeSet:
    """Give a set up; it stays to be read."""
    row = lock_for_change(actor, set_id, None)
    row.state, row.closed_at = ChangeSetState.DISCARDED, timezone.now()
    touch(row)
    note(actor, AuditAction.CHANGE_SET_DISCARDED, row, before=_words(row), after=None)
    return row


def lock_for_change(
    actor: Actor, set_id: uuid.UUID, expected_lock: int | None
) -> ChangeSet:
    """Return a set that may be changed now, locked.

    Raises ProposeForbiddenError, ChangeSetClosedError and ChangeSetChangedError.
    """
    require_proposer(actor)
    row = selectors.lock_change_set(set_id)
    if not row.is_draft:
        raise ChangeSetClosedError(
            f"“{row}” {row.get_state_display().lower()}; it cannot be changed now."
        )
    if expected_lock is not None and expected_lock != row.lock:
        raise ChangeSetChangedError
    return row


def require_schedulable(row: ChangeSet, items: Sequence[ChangeItem]) -> None:
    """Raise NotSchedulableError for what cannot wait for its time on the nodes."""
    if row.activate_at is None:
        return
    for item in items:
        if item.kind != ItemKind.POLICY:
            raise NotSchedulableError(
                f"“{item}” is a {item.get_kind_display().lower()}: it has no time of "
                "its own, and nodes would apply it when they fetch it.",
                field="activate_at",
            )


def touch(row: ChangeSet) -> None:
    """Count a change of a set, and save it."""
    row.lock += 1
    row.save()


def try_out(
    actor: Actor,
    row: ChangeSet,
    items: list[ChangeItem],
    *,
    about: str,
    is_checked: bool = False,
) -> Rehearsal:
    """Try a set out and keep what it came to; say which change is refused."""
    try:
        found = rehearse(
            actor=actor,
            wanted=wanted_of(items),
            request_id=next_request_id(row),
            activate_at=row.activate_at,
            is_checked=is_checked,
        )
    except PortwardError as error:
        notes = getattr(error, "__notes__", [about])
        if notes[0] != about:
            error.message = f"In {notes[0].replace(':', ' “', 1)}”: {error.message}"
            error.field = ""
        raise
    row.outcome = found.to_dict()
    return found


def note(
    actor: Actor,
    action: AuditAction,
    row: ChangeSet,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Write an act on a set to the audit trail."""
    append(
        actor=actor,
        action=action,
        target_type=TARGET,
        target_id=str(row.pk),
        before=before,
        after=after,
        context={"title": row.title, "lock": row.lock},
    )


def _new_item(
    actor: Actor, row: ChangeSet, kind: ItemKind, slug: str, base: str | None
) -> ChangeItem:
    ground = selectors.ground_of(kind, slug)
    return ChangeItem(
        tenant_id=row.tenant_id,
        change_set=row,
        kind=kind,
        slug=slug,
        author_id=user_id_of(actor),
        author_name=actor.name,
        base=ground.digest if base is None else base,
        base_content=ground.content,
    )


def _title(title: str) -> str:
    title = title.strip()
    if not title or len(title) > LONGEST_TITLE:
        raise ChangeInvalidError(
            f"A title says in a line what changes ({LONGEST_TITLE} characters).",
            field="title",
        )
    return title


def _moment(at: dt.datetime | None) -> str | None:
    return rules.instant_text(at) if at else None


def _words(row: ChangeSet) -> dict[str, Any]:
    return {"title": row.title, "reason": row.reason}
