"""Questions about the trail of the tenant whose scope is open."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from django.db.models import Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from apps.audit.errors import ChainBrokenError
from apps.audit.models import AuditEntry, AuditHead
from apps.audit.rules import GENESIS, ChainLink, first_break


def entries() -> QuerySet[AuditEntry]:
    """Return the entries, newest first."""
    return AuditEntry.objects.order_by("-sequence")


def found_entries(
    *,
    action: str = "",
    actor: str = "",
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
) -> QuerySet[AuditEntry]:
    """Return the entries of an action, of an actor (id or name) and of a span of time.

    The span begins with `since` and ends before `until`.
    """
    found = entries()
    if action:
        found = found.filter(action=action)
    if actor:
        found = found.filter(Q(actor_id=actor) | Q(actor_name=actor))
    if since is not None:
        found = found.filter(at__gte=since)
    if until is not None:
        found = found.filter(at__lt=until)
    return found


def end_of_chain() -> str:
    """Return the hash of the newest entry.

    Whatever changed was recorded in the same transaction, so as long as this is the
    same, so is all that services write. It never comes back once it has changed.
    """
    head = AuditHead.objects.values_list("hash", flat=True).first()
    return GENESIS if head is None else head


def verify_chain() -> int:
    """Walk the whole chain and return how many entries it has.

    The end of the chain is compared too, so that cutting off the newest entries shows.
    The end is read first and the walk stops there: entries that are appended during
    the walk are not a break.

    Raises ChainBrokenError.
    """
    head = AuditHead.objects.first()
    length, end = (head.sequence, head.hash) if head else (0, GENESIS)
    if reason := first_break(_links(length), length=length, end=end):
        raise ChainBrokenError(f"The audit trail does not hold: {reason}.")
    if _has_entries_beyond_the_end():
        raise ChainBrokenError("The audit trail does not hold: it goes past its end.")
    return length


def _links(length: int) -> Iterator[ChainLink]:
    found = AuditEntry.objects.filter(sequence__lte=length).order_by("sequence")
    for entry in found.iterator(chunk_size=1000):
        yield ChainLink(
            entry.sequence, entry.previous_hash, entry.hash, entry.content()
        )


def _has_entries_beyond_the_end() -> bool:
    # One statement sees one instant, in which an entry and the end agree.
    end = Coalesce(Subquery(AuditHead.objects.values("sequence")[:1]), 0)
    return AuditEntry.objects.filter(sequence__gt=end).exists()
