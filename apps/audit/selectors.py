"""Questions about the trail of the tenant whose scope is open."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import QuerySet

from apps.audit.errors import ChainBrokenError
from apps.audit.models import AuditEntry, AuditHead
from apps.audit.rules import ChainLink, first_break


def entries() -> QuerySet[AuditEntry]:
    """Return the entries, newest first."""
    return AuditEntry.objects.order_by("-sequence")


def verify_chain() -> int:
    """Walk the whole chain and return how many entries it has.

    The end of the chain is compared too, so that cutting off the newest entries shows.

    Raises ChainBrokenError.
    """
    if reason := first_break(_links()):
        raise ChainBrokenError(f"The audit trail does not hold: {reason}.")
    newest = entries().first()
    head = AuditHead.objects.first()
    found = (newest.sequence, newest.hash) if newest else None
    kept = (head.sequence, head.hash) if head and head.sequence else None
    if found != kept:
        raise ChainBrokenError("The audit trail does not hold: its end is missing.")
    return newest.sequence if newest else 0


def _links() -> Iterator[ChainLink]:
    for entry in AuditEntry.objects.order_by("sequence").iterator(chunk_size=1000):
        yield ChainLink(
            entry.sequence, entry.previous_hash, entry.hash, entry.content()
        )
