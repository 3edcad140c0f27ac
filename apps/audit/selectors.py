"""Questions about the trail of the tenant whose scope is open."""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterator
from typing import Generic, TypeVar

from django.db.models import Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from apps.audit.errors import ChainBrokenError
from apps.audit.models import AuditEntry, AuditHead
from apps.audit.rules import GENESIS, ChainLink, first_break
from apps.tenants.services import require_tenant_id

_Found = TypeVar("_Found")


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


def end_of_chain(beside: Collection[str] = ()) -> str:
    """Return the hash of the newest entry, but for those of the actions `beside`.

    Whatever changed was recorded in the same transaction, so as long as this is the
    same, so is all that services write. It never comes back once it has changed.
    """
    rows = entries().exclude(action__in=beside) if beside else entries()
    newest = rows.values_list("hash", flat=True).first()
    return GENESIS if newest is None else newest


class WhileUnchanged(Generic[_Found]):
    """Keeps what was read of a tenant for as long as nothing is recorded there.

    It is kept in this process, for a limited time, since some things change by time
    alone, and only the last few. What is kept is shared, so it must not be changed.
    Entries of the actions `beside` change nothing of it.
    """

    def __init__(
        self, *, seconds: int, most: int = 8, beside: Collection[str] = ()
    ) -> None:
        self._seconds, self._most = seconds, most
        self._beside = frozenset(map(str, beside))
        self._kept: OrderedDict[Hashable, _Found] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: Hashable, read: Callable[[], _Found]) -> _Found:
        """Return what is kept under a name, or read it."""
        span = int(timezone.now().timestamp()) // self._seconds
        # The end is looked up first: what is recorded while we read is then read once
        # too often rather than never.
        mark = (require_tenant_id(), end_of_chain(self._beside), span, name)
        with self._lock:
            if mark in self._kept:
                self._kept.move_to_end(mark)
                return self._kept[mark]
        found = read()
        with self._lock:
            self._kept[mark] = found
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return found


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
