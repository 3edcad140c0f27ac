"""Ask an authenticator a question, and take each answer once only."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.accounts import rules
from apps.accounts.choices import CeremonyPurpose
from apps.accounts.errors import CeremonyError, UnknownPasskeyError
from apps.accounts.models import Ceremony, EnrollmentLink, User
from apps.accounts.selectors import passkeys, rules_for, usable_passkeys
from apps.accounts.services.guards import refuse_if_sealed

LIFETIME = dt.timedelta(minutes=5)
CHALLENGE_BYTES = 32


@dataclass(frozen=True)
class CeremonyOptions:
    """What the browser needs to ask its authenticator."""

    ceremony_id: uuid.UUID
    public_key: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form that static/portal/js/passkeys.js expects."""
        return {"ceremony": str(self.ceremony_id), "publicKey": self.public_key}


def relying_party() -> rules.RelyingParty:
    """Return whom this installation's passkeys are bound to."""
    return rules.RelyingParty(
        id=settings.WEBAUTHN_RP_ID,
        name=settings.WEBAUTHN_RP_NAME,
        origins=tuple(settings.WEBAUTHN_ORIGINS),
    )


def begin_ceremony(*, session_key: str) -> CeremonyOptions:
    """Ask whoever is at the browser to sign in; no user name is needed."""
    ceremony = _begin(CeremonyPurpose.LOGIN, session_key)
    return CeremonyOptions(
        ceremony.pk,
        rules.authentication_options(
            party=relying_party(), challenge=bytes(ceremony.challenge)
        ),
    )


def begin_registration(
    *, user: User, session_key: str, link: EnrollmentLink | None
) -> CeremonyOptions:
    """Ask for a new passkey of a person, who holds a link or is signed in.

    Raises SealedAccountError.
    """
    refuse_if_sealed(user)
    ceremony = _begin(
        CeremonyPurpose.REGISTRATION, session_key, user=user, enrollment_link=link
    )
    return CeremonyOptions(
        ceremony.pk,
        rules.registration_options(
            party=relying_party(),
            challenge=bytes(ceremony.challenge),
            user_handle=user.pk.bytes,
            username=user.username,
            display_name=user.display_name,
            exclude=[(bytes(p.credential_id), p.transports) for p in passkeys(user)],
            is_model_asked=any(
                rule.aaguids or rule.attestation == "verified"
                for rule in rules_for(user)
            ),
        ),
    )


def begin_operation_ceremony(
    *,
    user: User,
    session_key: str,
    operation_digest: bytes,
    but_not: int | None = None,
) -> CeremonyOptions:
    """Ask a person to sign one operation: the challenge is the operation's digest.

    The operation must make itself unique, since the challenge holds nothing else. The
    passkey `but_not` is not asked. Raises UnknownPasskeyError when the person has no
    passkey that can sign.
    """
    if len(operation_digest) != CHALLENGE_BYTES:
        raise ValueError("an operation digest has 32 bytes")
    keys: Sequence[tuple[bytes, Sequence[str]]] = [
        (bytes(p.credential_id), p.transports)
        for p in usable_passkeys(user)
        if p.pk != but_not
    ]
    if not keys:
        raise UnknownPasskeyError("You have no passkey that can sign this.")
    ceremony = _begin(
        CeremonyPurpose.OPERATION,
        session_key,
        challenge=operation_digest,
        user=user,
        operation_digest=operation_digest,
    )
    return CeremonyOptions(
        ceremony.pk,
        rules.authentication_options(
            party=relying_party(), challenge=operation_digest, allow=keys
        ),
    )


@transaction.atomic
def consume(
    *,
    ceremony_id: uuid.UUID | str,
    purpose: CeremonyPurpose,
    session_key: str | None = None,
    user: User | None = None,
) -> Ceremony:
    """Take a ceremony out of use and return it; the database lets only one caller win.

    Raises CeremonyError. A ceremony is bound to its session, an operation's to its
    user and digest.
    """
    if session_key is None and user is None:
        raise TypeError("say whose ceremony it is")
    now = timezone.now()
    try:
        pk = uuid.UUID(str(ceremony_id))
    except ValueError as error:
        raise CeremonyError from error
    rows = Ceremony.objects.filter(
        pk=pk, purpose=purpose, used_at__isnull=True, expires_at__gt=now
    )
    if session_key is not None:
        rows = rows.filter(session_hash=hash_session(session_key))
    if user is not None:
        rows = rows.filter(user=user)
    if not rows.update(used_at=now):
        raise CeremonyError
    return Ceremony.objects.select_related("user", "enrollment_link").get(pk=pk)


def hash_session(session_key: str) -> str:
    """Return what is stored of a session: enough to compare, too little to use."""
    return hashlib.sha256(b"portward-session\0" + session_key.encode()).hexdigest()


def _begin(
    purpose: CeremonyPurpose,
    session_key: str,
    *,
    challenge: bytes = b"",
    **fields: Any,  # noqa: ANN401  # columns of the model
) -> Ceremony:
    now = timezone.now()
    # Old rows serve nothing; the table stays small without a task of its own.
    Ceremony.objects.filter(expires_at__lt=now - dt.timedelta(days=1)).delete()
    return Ceremony.objects.create(
        purpose=purpose,
        challenge=challenge or secrets.token_bytes(CHALLENGE_BYTES),
        session_hash=hash_session(session_key),
        expires_at=now + LIFETIME,
        **fields,
    )
