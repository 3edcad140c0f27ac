"""Begin a way to a provider, and take the answer once, in the same browser."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import uuid
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.federation.choices import Purpose
from apps.federation.errors import StateRefusedError
from apps.federation.models import IdentityProvider, SignInAttempt
from apps.federation.rules.tokens import hash_nonce
from apps.federation.services import sealing

LIFETIME = dt.timedelta(minutes=10)
_KEPT = dt.timedelta(days=1)


@dataclass(frozen=True)
class Attempt:
    """A sign-in under way, and what was put away for its answer."""

    purpose: Purpose
    nonce_hash: str
    verifier: str
    next: str
    max_age: int | None
    user: User | None
    enrollment_link_id: uuid.UUID | None


@transaction.atomic
def begin(  # noqa: PLR0913  # every value ties the answer to its question
    *,
    provider: IdentityProvider,
    session_key: str,
    state: str,
    nonce: str,
    verifier: str,
    target: str,
    user: User | None = None,
    enrollment_link_id: uuid.UUID | None = None,
) -> None:
    """Remember what the answer of the provider will be held against."""
    now = timezone.now()
    SignInAttempt.objects.filter(expires_at__lt=now - _KEPT).delete()
    purpose = Purpose.SIGN_IN
    if user is not None:
        purpose = Purpose.ENROLL if enrollment_link_id else Purpose.LINK
    pk = uuid.uuid4()
    kept = json.dumps({"verifier": verifier, "next": target})
    SignInAttempt.objects.create(
        pk=pk,
        tenant_id=provider.tenant_id,
        provider_id=provider.pk,
        purpose=purpose,
        state_hash=_hash("state", state),
        session_hash=_hash("session", session_key),
        nonce_hash=hash_nonce(nonce),
        sealed=sealing.seal(kept, use=sealing.ATTEMPT, owner=pk),
        user=user,
        enrollment_link_id=enrollment_link_id,
        max_age=provider.max_age,
        expires_at=now + LIFETIME,
    )


@transaction.atomic
def take(*, provider: IdentityProvider, session_key: str, state: str) -> Attempt:
    """Return the sign-in that an answer belongs to, and take it out of use.

    1. Its state is one that we gave out, to be answered at this provider's address.
    2. It was begun in this browser.
    3. It is not older than ten minutes, and was not answered before.

    Raises StateRefusedError, with one text for all of it.
    """
    now = timezone.now()
    row = (
        SignInAttempt.objects.select_for_update(of=("self",))
        .select_related("user")
        .filter(
            state_hash=_hash("state", state),
            session_hash=_hash("session", session_key),
            tenant_id=provider.tenant_id,
            provider_id=provider.pk,
            used_at__isnull=True,
            expires_at__gt=now,
        )
        .first()
    )
    if row is None:
        raise StateRefusedError
    kept = json.loads(
        sealing.unseal(bytes(row.sealed), use=sealing.ATTEMPT, owner=row.pk)
    )
    row.used_at, row.sealed = now, b""
    row.save(update_fields=["used_at", "sealed"])
    return Attempt(
        purpose=Purpose(row.purpose),
        nonce_hash=row.nonce_hash,
        verifier=kept["verifier"],
        next=kept["next"],
        max_age=row.max_age,
        user=row.user,
        enrollment_link_id=row.enrollment_link_id,
    )


def _hash(what: str, value: str) -> str:
    text = f"portward-federation-{what}\0{value}"
    return hashlib.sha256(text.encode()).hexdigest()
