"""Circuit breakers that all processes share, in one table of PostgreSQL.

Called around a call, never while a transaction is open: the row's lock is held for two
short statements and never across the network.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils import timezone

from apps.limits.errors import DependencyDownError
from apps.limits.models import CircuitBreaker
from apps.limits.rules.breaker import Breaker, admit, settle

_LONGEST_ERROR = 200


@dataclass(frozen=True)
class Call:
    """A call that was let through; it is settled by `end_call`."""

    key: str
    is_probe: bool


def begin_call(*, key: str, label: str, tenant_id: uuid.UUID | None = None) -> Call:
    """Let a call to a dependency through. Raises DependencyDownError while it is open.

    `key` names the dependency; nobody but its tenant sees the label.
    """
    CircuitBreaker.objects.bulk_create(
        [CircuitBreaker(key=key, tenant_id=tenant_id, label=label)],
        ignore_conflicts=True,
    )
    with transaction.atomic():
        row = CircuitBreaker.objects.select_for_update().get(key=key)
        admission = admit(row.facts(), now=_now())
        row.label = label
        _write(row, admission.breaker)
    if not admission.is_allowed:
        raise DependencyDownError(
            f"{label} failed too often; it is left alone for now.",
            retry_after=admission.retry_after,
        )
    return Call(key, admission.is_probe)


@transaction.atomic
def end_call(call: Call, *, error: str = "") -> None:
    """Note how a call ended; an empty error is a success."""
    row = CircuitBreaker.objects.select_for_update().filter(key=call.key).first()
    if row is None:
        return
    if error:
        row.last_error, row.failed_at = error[:_LONGEST_ERROR], timezone.now()
    else:
        row.succeeded_at = timezone.now()
    after = settle(
        row.facts(), now=_now(), is_error=bool(error), is_probe=call.is_probe
    )
    _write(row, after)


@transaction.atomic
def forget_breaker(*, key: str) -> None:
    """Forget a dependency that is there no more."""
    CircuitBreaker.objects.filter(key=key).delete()


def _write(row: CircuitBreaker, breaker: Breaker) -> None:
    row.seconds = [[s.at, s.good, s.bad] for s in breaker.seconds]
    row.opened_at, row.probed_at = breaker.opened_at, breaker.probed_at
    row.save()


def _now() -> float:
    """Return the database's time, which all processes agree on."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        return float(cursor.fetchone()[0])
