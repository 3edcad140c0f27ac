"""What saving and deleting have in common here."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from apps.audit import services as audit
from apps.audit.events import Actor
from apps.outbox import services as outbox
from apps.scopes.errors import InUseError, SlugFixedError, SlugTakenError
from apps.scopes.events import ScopesAction, ScopesTopic
from apps.scopes.models import HolidayCalendar, Location, TimeWindow
from apps.scopes.selectors import usage

_MOST_NAMED = 5


def keep_slug(current: str, wanted: str) -> None:
    """Raise SlugFixedError for another short name than the one there is."""
    if current and current != wanted:
        raise SlugFixedError(field="slug")


def write(row: TimeWindow | Location | HolidayCalendar) -> None:
    """Save a row; raises SlugTakenError."""
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        if "_slug_unique" in str(error):
            raise SlugTakenError(
                f"“{row.slug}” is in use already.", field="slug"
            ) from error
        raise


def refuse_if_used(kind: usage.Kind, slug: str) -> None:
    """Raise InUseError that names what refers to it.

    A draft that is saved with it at this very moment is not seen; such a draft is
    refused when it is compiled again, before it goes live.
    """
    uses = usage.uses_of(kind, slug)
    if not uses:
        return
    named = [f"{use.label} ({use.how})" for use in uses[:_MOST_NAMED]]
    if len(uses) > _MOST_NAMED:
        named.append(f"{len(uses) - _MOST_NAMED} more")
    raise InUseError(f"“{slug}” is in use: {'; '.join(named)}.", field="slug")


def announce(
    actor: Actor,
    action: ScopesAction,
    target: tuple[str, str],
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> None:
    """Write the change to the audit trail, and let the next release know."""
    audit.append(
        actor=actor,
        action=action,
        target_type=target[0],
        target_id=target[1],
        before=before,
        after=after,
    )
    outbox.enqueue(topic=ScopesTopic.CHANGED, payload={}, coalesce_key="scopes")
