"""Do what a REST request asks once, however often it is sent.

Source: draft-ietf-httpapi-idempotency-key-header. The row is written in the transaction
of the act itself. A second request with the same key waits at the unique index until
that transaction ends, and then finds either the answer or nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from django.db import transaction

from apps.accounts.errors import (
    IdempotencyKeyInvalidError,
    IdempotencyKeyReusedError,
)
from apps.accounts.models import IdempotentAnswer
from apps.tenants.services import require_tenant_id

KEPT = dt.timedelta(hours=24)
_LONGEST_KEY = 255


@transaction.atomic
def claim_key(
    *, holder: str, key: str, fingerprint: str, now: dt.datetime
) -> IdempotentAnswer:
    """Return the row of a key: with a status if the request was answered before.

    Raises IdempotencyKeyInvalidError, and IdempotencyKeyReusedError when the key came
    with another request.
    """
    if not 0 < len(key) <= _LONGEST_KEY or not (key.isascii() and key.isprintable()):
        raise IdempotencyKeyInvalidError(field="Idempotency-Key")
    IdempotentAnswer.objects.filter(created_at__lt=now - KEPT).delete()
    row, is_new = IdempotentAnswer.objects.get_or_create(
        tenant_id=require_tenant_id(),
        holder=holder,
        key=key,
        defaults={"fingerprint": fingerprint, "created_at": now},
    )
    if not is_new and row.fingerprint != fingerprint:
        raise IdempotencyKeyReusedError(field="Idempotency-Key")
    return row


def keep_answer(
    row: IdempotentAnswer, *, status: int, body: str, headers: Mapping[str, str]
) -> None:
    """Remember what a request was answered."""
    row.status, row.body, row.headers = status, body, dict(headers)
    row.save(update_fields=["status", "body", "headers"])


def release_key(row: IdempotentAnswer) -> None:
    """Forget a key whose request did nothing, so that it may be sent again."""
    row.delete()
