"""Register passkeys, sign in with them, and accept operations signed by them.

A refused answer leaves its traces even when the caller's transaction is rolled back
because of it: the refusal is noted here, and `settle_refusals` writes it afterwards.
"""

from __future__ import annotations

import contextvars
import datetime as dt
import hashlib
import hmac
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.accounts import rules
from apps.accounts.choices import CeremonyPurpose
from apps.accounts.errors import (
    AssertionRefusedError,
    CeremonyError,
    DemoAuthenticatorError,
    EnrollmentLinkError,
    LastPasskeyError,
    OtherKeyNeededError,
    PasskeyBlockedError,
    PasskeyClonedError,
    PasskeyModelError,
    PasskeyNotAttestedError,
    PasskeyTakenError,
    UnknownPasskeyError,
)
from apps.accounts.events import AccountsAction
from apps.accounts.models import (
    Ceremony,
    EnrollmentLink,
    KeyRecord,
    Passkey,
    User,
)
from apps.accounts.selectors import rules_for
from apps.accounts.services.ceremonies import consume, relying_party
from apps.accounts.services.guards import refuse_if_sealed
from apps.accounts.services.trail import actor_for, note_refused_sign_in, record
from apps.audit.events import Actor


@dataclass(frozen=True)
class VerifiedAssertion:
    """A proven signature, with all that is needed to prove it again later."""

    passkey_id: int
    credential_id: bytes
    client_data: bytes
    authenticator_data: bytes
    signature: bytes
    public_key: bytes
    is_demo: bool


@dataclass(frozen=True)
class _Refusal:
    """What stays true although the transaction that found it was rolled back."""

    ceremony_id: uuid.UUID
    user_id: uuid.UUID
    code: str
    passkey_id: int | None


_refusals: contextvars.ContextVar[tuple[_Refusal, ...]] = contextvars.ContextVar(
    "portward_refusals", default=()
)


def finish_registration(
    *,
    ceremony_id: uuid.UUID | str,
    session_key: str,
    credential: Mapping[str, Any],
    name: str,
    attestation_roots: Mapping[str, Sequence[bytes]] | None = None,
) -> Passkey:
    """Store the passkey that an authenticator made in answer to a ceremony.

    Raises CeremonyError, AssertionRefusedError, EnrollmentLinkError,
    PasskeyTakenError, PasskeyModelError and DemoAuthenticatorError.
    """
    ceremony = consume(
        ceremony_id=ceremony_id,
        purpose=CeremonyPurpose.REGISTRATION,
        session_key=session_key,
    )
    user = ceremony.user
    if user is None or not user.is_active:
        raise CeremonyError
    made = rules.verify_registration(
        party=relying_party(),
        challenge=bytes(ceremony.challenge),
        credential=credential,
        attestation_roots=attestation_roots or {},
    )
    _hold_to_rules(user, made)
    if made.is_demo and not (
        settings.PORTWARD_ALLOW_DEMO_AUTHENTICATORS and user.is_demo
    ):
        raise DemoAuthenticatorError
    return _store(user, ceremony, made, name)


def finish_login(
    *,
    ceremony_id: uuid.UUID | str,
    session_key: str,
    credential: Mapping[str, Any],
) -> Passkey:
    """Return the passkey, and with it the person, that answered a sign-in ceremony.

    Raises CeremonyError and AssertionRefusedError.
    """
    ceremony = consume(
        ceremony_id=ceremony_id, purpose=CeremonyPurpose.LOGIN, session_key=session_key
    )
    try:
        passkey, _checked = _check(ceremony, credential, user=None)
    except AssertionRefusedError as error:
        _note_sign_in_refusal(credential, error)
        raise
    with transaction.atomic():
        record(
            actor=actor_for(passkey.user, credential=fingerprint(passkey)),
            action=AccountsAction.SIGNED_IN,
            user=passkey.user,
            context={"passkey": passkey.name, "demo": passkey.is_demo},
        )
    return passkey


def verify_operation_assertion(
    *,
    user: User,
    ceremony_id: uuid.UUID | str,
    credential_json: Mapping[str, Any],
    operation_digest: bytes,
) -> VerifiedAssertion:
    """Return the proof that a person signed exactly this operation.

    1. The ceremony is unused, fresh, an operation's and this person's.
    2. It was begun for the digest of the operation that is about to be done.
    3. The answer is proven against a usable passkey of this person.
    4. The signature counter advanced.

    Raises CeremonyError and AssertionRefusedError.
    """
    ceremony = consume(
        ceremony_id=ceremony_id, purpose=CeremonyPurpose.OPERATION, user=user
    )
    if not hmac.compare_digest(bytes(ceremony.challenge), operation_digest):
        _remember(_Refusal(ceremony.pk, user.pk, CeremonyError.code, None))
        raise CeremonyError(
            "What you signed is not what is being done now.",
            remedy="Reload the page and read it again.",
        )
    passkey, checked = _check(ceremony, credential_json, user=user)
    return VerifiedAssertion(
        passkey_id=passkey.pk,
        credential_id=checked.assertion.credential_id,
        client_data=checked.assertion.client_data,
        authenticator_data=checked.assertion.authenticator_data,
        signature=checked.assertion.signature,
        public_key=bytes(passkey.public_key),
        is_demo=passkey.is_demo,
    )


@transaction.atomic
def rename_passkey(*, user: User, passkey_id: int, name: str) -> None:
    """Give one of a person's passkeys another name. Raises UnknownPasskeyError."""
    wanted = name.strip()[:64]
    rows = Passkey.objects.filter(pk=passkey_id, user=user)
    if not wanted or not rows.update(name=wanted):
        raise UnknownPasskeyError("Choose a passkey of yours and a name for it.")


@transaction.atomic
def remove_passkey(
    *, actor: Actor, user: User, passkey_id: int, proven_by: str
) -> None:
    """Delete one of a person's passkeys, but never the last usable one.

    `proven_by` is the fingerprint of the key that the person has just signed with: a
    thief who holds one key cannot lock the owner out with it, since removing a key
    takes another. Raises UnknownPasskeyError, LastPasskeyError and OtherKeyNeededError.
    """
    refuse_if_sealed(user)
    keys = list(Passkey.objects.select_for_update().filter(user=user))
    wanted = next((key for key in keys if key.pk == passkey_id), None)
    if wanted is None:
        raise UnknownPasskeyError
    if wanted.confirmed and sum(key.confirmed for key in keys) == 1:
        raise LastPasskeyError
    others = {fingerprint(key) for key in keys if key.confirmed and key != wanted}
    if proven_by not in others:
        raise OtherKeyNeededError
    _end_record(wanted, timezone.now())
    wanted.delete()
    record(
        actor=actor,
        action=AccountsAction.PASSKEY_REMOVED,
        user=user,
        context={"passkey": wanted.name, "key": fingerprint(wanted)},
    )


def settle_refusals() -> None:
    """Write what refused answers must leave behind, once no transaction can undo it.

    The tenant middleware calls it after each request; calling it twice does no harm.
    """
    noted = _refusals.get()
    _refusals.set(())
    for refusal in noted:
        with transaction.atomic():
            _settle(refusal)


def fingerprint(passkey: Passkey) -> str:
    """Return a short name for a credential, for audit entries."""
    return hashlib.sha256(bytes(passkey.credential_id)).hexdigest()[:16]


@transaction.atomic
def _store(
    user: User, ceremony: Ceremony, made: rules.RegisteredCredential, name: str
) -> Passkey:
    refuse_if_sealed(user)
    if ceremony.enrollment_link is not None:
        _use_link(ceremony.enrollment_link)
    if Passkey.objects.filter(credential_id=made.credential_id).exists():
        raise PasskeyTakenError
    passkey: Passkey = Passkey.objects.create(
        user=user,
        name=name.strip()[:64] or ("Demo passkey" if made.is_demo else "Passkey"),
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        aaguid=made.aaguid,
        transports=list(made.transports),
        is_backup_eligible=made.is_backup_eligible,
        is_backed_up=made.is_backed_up,
        is_attested=made.is_attested,
        is_demo=made.is_demo,
    )
    KeyRecord.objects.create(
        user_id=user.pk,
        user_name=user.username,
        credential_id=made.credential_id,
        public_key=made.public_key,
        since=passkey.created_at,
    )
    record(
        actor=actor_for(user, credential=fingerprint(passkey)),
        action=AccountsAction.PASSKEY_REGISTERED,
        user=user,
        context={
            "passkey": passkey.name,
            "demo": passkey.is_demo,
            "by_link": ceremony.enrollment_link is not None,
        },
    )
    return passkey


def _end_record(passkey: Passkey, now: dt.datetime) -> None:
    KeyRecord.objects.filter(
        credential_id=bytes(passkey.credential_id), until__isnull=True
    ).update(until=now)


def _hold_to_rules(user: User, made: rules.RegisteredCredential) -> None:
    refusal = rules.registration_refusal(
        rules_for(user), aaguid=made.aaguid, is_attested=made.is_attested
    )
    match refusal:
        case "":
            return
        case "aaguid":
            raise PasskeyModelError(field="aaguid")
        case _:
            raise PasskeyNotAttestedError(field="attestation")


def _use_link(link: EnrollmentLink) -> None:
    # The condition sits in the UPDATE: of two browsers with one link, one wins.
    now = timezone.now()
    used = EnrollmentLink.objects.filter(
        pk=link.pk, used_at__isnull=True, revoked_at__isnull=True, expires_at__gt=now
    ).update(used_at=now)
    if not used:
        raise EnrollmentLinkError


def _check(
    ceremony: Ceremony, credential: Mapping[str, Any], *, user: User | None
) -> tuple[Passkey, rules.CheckedAssertion]:
    try:
        passkey, checked, verdict = _check_locked(ceremony, credential, user)
    except AssertionRefusedError as error:
        if user is not None:
            _remember(_Refusal(ceremony.pk, user.pk, error.code, None))
        raise
    if verdict is rules.SignCountVerdict.WENT_BACK:
        _remember(
            _Refusal(ceremony.pk, passkey.user_id, PasskeyClonedError.code, passkey.pk)
        )
        raise PasskeyClonedError
    return passkey, checked


@transaction.atomic
def _check_locked(
    ceremony: Ceremony, credential: Mapping[str, Any], user: User | None
) -> tuple[Passkey, rules.CheckedAssertion, rules.SignCountVerdict]:
    # The row stays locked until the counter is written: two answers of one
    # authenticator are judged one after the other.
    parsed = rules.parse_assertion(credential)
    passkey = (
        Passkey.objects.select_for_update(of=("self",))
        .select_related("user")
        .filter(credential_id=parsed.credential_id)
        .first()
    )
    if passkey is None or (user is not None and passkey.user_id != user.pk):
        raise UnknownPasskeyError
    if not passkey.confirmed:
        raise PasskeyBlockedError
    if not passkey.user.is_active:
        raise AssertionRefusedError("This account is disabled.")
    if passkey.is_demo and not settings.PORTWARD_ALLOW_DEMO_AUTHENTICATORS:
        raise DemoAuthenticatorError
    checked = rules.verify_assertion(
        party=relying_party(),
        challenge=bytes(ceremony.challenge),
        public_key=bytes(passkey.public_key),
        user_handle=passkey.user.pk.bytes,
        credential=credential,
    )
    if checked.is_backup_eligible != passkey.is_backup_eligible:
        # It is fixed when a key is made (WebAuthn L3, section 6.1.3).
        raise AssertionRefusedError("The passkey says it is of another kind now.")
    verdict = rules.judge_sign_count(
        stored=passkey.sign_count, presented=checked.sign_count
    )
    if verdict is not rules.SignCountVerdict.WENT_BACK:
        passkey.sign_count = checked.sign_count
        passkey.is_backed_up = checked.is_backed_up
        passkey.last_used_at = timezone.now()
        passkey.save(update_fields=["sign_count", "is_backed_up", "last_used_at"])
    return passkey, checked, verdict


def _note_sign_in_refusal(
    credential: Mapping[str, Any], error: AssertionRefusedError
) -> None:
    """Tell the tenants of a known passkey's owner that it was refused."""
    settle_refusals()
    try:
        parsed = rules.parse_assertion(credential)
    except AssertionRefusedError:
        return
    passkey = (
        Passkey.objects.select_related("user")
        .filter(credential_id=parsed.credential_id)
        .first()
    )
    if passkey is None:
        return
    note_refused_sign_in(
        user=passkey.user, code=error.code, context={"passkey": passkey.name}
    )


def _remember(refusal: _Refusal) -> None:
    _refusals.set((*_refusals.get(), refusal))


def _settle(refusal: _Refusal) -> None:
    now = timezone.now()
    Ceremony.objects.filter(pk=refusal.ceremony_id, used_at__isnull=True).update(
        used_at=now
    )
    user = User.objects.filter(pk=refusal.user_id).first()
    if user is None:
        return
    action = AccountsAction.ASSERTION_REFUSED
    if refusal.passkey_id is not None:
        usable = Passkey.objects.filter(pk=refusal.passkey_id, blocked_at__isnull=True)
        for passkey in usable:
            _end_record(passkey, now)
        usable.update(
            confirmed=False,
            blocked_at=now,
            blocked_reason="The signature counter went backwards.",
        )
        action = AccountsAction.PASSKEY_BLOCKED
    record(
        actor=Actor.system("accounts"),
        action=action,
        user=user,
        context={"code": refusal.code},
    )
