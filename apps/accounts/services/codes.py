"""Authenticator apps, recovery codes and passwords: the way in without a passkey.

Together they let a person look around. They never suffice for administration or an
approval; see apps.signin.rules.operations.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django_otp.models import Device

from apps.accounts import rules
from apps.accounts.errors import (
    CodeDeviceNotFoundError,
    CodeRefusedError,
    PasswordInvalidError,
    SignInRefusedError,
)
from apps.accounts.events import AccountsAction
from apps.accounts.models import CodeDevice, RecoveryCode, User
from apps.accounts.selectors import (
    accepted_codes,
    code_devices,
    unused_recovery_codes,
)
from apps.accounts.services.guards import refuse_if_sealed
from apps.accounts.services.trail import note_refused_sign_in, record
from apps.audit.events import Actor
from apps.core.rules import NONCE_BYTES, seal, unseal
from apps.limits import services as limits

SECRET_BYTES = 20
RECOVERY_CODES = 10
_RECOVERY = "recovery"
_PURPOSE = "one-time code secret"


@dataclass(frozen=True)
class NewCodeDevice:
    """A device that waits for its first code. The secret is shown this once."""

    device: CodeDevice
    secret: str
    uri: str


@dataclass(frozen=True)
class FallbackProof:
    """A person who proved a password and a code. `methods` as in apps.signin."""

    user: User
    methods: tuple[str, ...]
    device: Device | None


@transaction.atomic
def begin_code_device(*, user: User, kind: rules.CodeKind, name: str) -> NewCodeDevice:
    """Make a device that does not count until it has shown a code.

    Raises SealedAccountError.
    """
    refuse_if_sealed(user)
    CodeDevice.objects.filter(user=user, confirmed=False).delete()
    secret = secrets.token_bytes(SECRET_BYTES)
    device: CodeDevice = CodeDevice.objects.create(
        user=user,
        name=name.strip()[:64] or "Authenticator app",
        kind=kind.value,
        confirmed=False,
        sealed_secret=seal(
            secret,
            secret=settings.SECRET_KEY,
            purpose=_PURPOSE,
            bound_to=user.pk.bytes,
            nonce=secrets.token_bytes(NONCE_BYTES),
        ),
    )
    uri = rules.provisioning_uri(
        kind=kind,
        secret=secret,
        issuer=settings.WEBAUTHN_RP_NAME,
        account=user.username,
    )
    return NewCodeDevice(device, rules.secret_text(secret), uri)


def confirm_code_device(
    *, actor: Actor, user: User, device_id: int, code: str
) -> CodeDevice:
    """Let a device count once it has shown a right code.

    Raises CodeDeviceNotFoundError and CodeRefusedError.
    """
    with transaction.atomic():
        refuse_if_sealed(user)
        device = _locked(user, device_id, confirmed=False)
        verdict = _judge(device, code)
        if verdict is rules.CodeVerdict.ACCEPTED:
            device.confirmed = True
            device.save(update_fields=["confirmed"])
            record(
                actor=actor,
                action=AccountsAction.CODE_DEVICE_ADDED,
                user=user,
                context={"device": device.name, "kind": device.kind},
            )
    # After the transaction, so that a failure counts.
    if verdict is not rules.CodeVerdict.ACCEPTED:
        raise CodeRefusedError(field="code")
    return device


@transaction.atomic
def remove_code_device(*, actor: Actor, user: User, device_id: int) -> None:
    """Remove one of a person's devices. Raises CodeDeviceNotFoundError."""
    device = _locked(user, device_id, confirmed=True)
    device.delete()
    record(
        actor=actor,
        action=AccountsAction.CODE_DEVICE_REMOVED,
        user=user,
        context={"device": device.name, "kind": device.kind},
    )


@transaction.atomic
def new_recovery_codes(*, actor: Actor, user: User) -> list[str]:
    """Replace a person's recovery codes by ten new ones; they are shown this once.

    Raises SealedAccountError.
    """
    refuse_if_sealed(user)
    User.objects.select_for_update().get(pk=user.pk)
    RecoveryCode.objects.filter(user=user).delete()
    codes = [
        rules.new_recovery_code(secrets.token_bytes(10)) for _ in range(RECOVERY_CODES)
    ]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, code_hash=rules.recovery_hash(str(user.pk), code))
        for code in codes
    )
    record(
        actor=actor,
        action=AccountsAction.RECOVERY_CODES_MADE,
        user=user,
        context={"count": len(codes)},
    )
    return codes


@transaction.atomic
def set_password(*, actor: Actor, user: User, password: str) -> None:
    """Set the password that counts together with a code.

    Raises PasswordInvalidError and SealedAccountError.
    """
    refuse_if_sealed(user)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise PasswordInvalidError(
            " ".join(error.messages), field="password"
        ) from error
    user.set_password(password)
    user.save(update_fields=["password"])
    record(actor=actor, action=AccountsAction.PASSWORD_SET, user=user)


@transaction.atomic
def remove_password(*, actor: Actor, user: User) -> None:
    """Leave a person with passkeys only."""
    user.set_unusable_password()
    user.save(update_fields=["password"])
    record(actor=actor, action=AccountsAction.PASSWORD_REMOVED, user=user)


def check_fallback(
    *, username: str, password: str, code: str, address: str
) -> FallbackProof:
    """Return the person who knows the password and a code of theirs.

    Whatever is wrong, the answer is the same, so that nobody learns which accounts
    exist; the page also answers every refusal after the same time. Raises
    SignInThrottledError and SignInRefusedError.
    """
    account = username.strip().lower()[:150]
    limits.check_sign_in(account=account, address=address)
    user = User.objects.filter(username=account).first()
    reason = _password_refusal(user, password)
    proof = _match(user, code) if user is not None and not reason else None
    if proof is None:
        limits.note_sign_in_failure(account=account, address=address)
        if user is not None:
            note_refused_sign_in(
                user=user,
                code=reason or CodeRefusedError.code,
                context={"address": address},
            )
        raise SignInRefusedError
    limits.note_sign_in_success(account=account, address=address)
    return proof


def _password_refusal(user: User | None, password: str) -> str:
    """Return why a password does not count, after the work of comparing it."""
    if user is None or not user.is_active or not user.has_usable_password():
        User().set_password(password)
        if user is None:
            return "accounts.unknown"
        return "accounts.no_password" if user.is_active else "accounts.inactive"
    return "" if user.check_password(password) else "accounts.wrong_password"


def check_code(*, user: User, code: str, address: str) -> FallbackProof:
    """Return the proof that a signed-in person has a code of theirs at hand.

    Raises SignInThrottledError and CodeRefusedError.
    """
    limits.check_sign_in(account=user.username, address=address)
    proof = _match(user, code)
    if proof is None:
        limits.note_sign_in_failure(account=user.username, address=address)
        note_refused_sign_in(
            user=user, code=CodeRefusedError.code, context={"address": address}
        )
        raise CodeRefusedError(field="code")
    return proof


def _match(user: User, code: str) -> FallbackProof | None:
    """Try a code on every device of the person by itself; a miss blocks no other."""
    accepted = accepted_codes(user)
    with transaction.atomic():
        rows = code_devices(user).select_for_update(of=("self",))
        for device in rows.filter(kind__in=accepted):
            if _judge(device, code) is rules.CodeVerdict.ACCEPTED:
                return FallbackProof(user, ("pwd", device.kind), device)
        if _RECOVERY in accepted and _use_recovery_code(user, code):
            return FallbackProof(user, ("pwd", _RECOVERY), None)
    return None


def _use_recovery_code(user: User, code: str) -> bool:
    # The condition sits in the UPDATE: of two sign-ins with one code, one wins.
    used = (
        unused_recovery_codes(user)
        .filter(code_hash=rules.recovery_hash(str(user.pk), code))
        .update(used_at=timezone.now())
    )
    if used:
        record(
            actor=Actor.system("accounts"),
            action=AccountsAction.RECOVERY_CODE_USED,
            user=user,
            context={"left": unused_recovery_codes(user).count()},
        )
    return used == 1


def _judge(device: CodeDevice, code: str) -> rules.CodeVerdict:
    """Judge a code on a locked device, and store what follows from it."""
    secret = unseal(
        bytes(device.sealed_secret),
        secrets=[settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS)],
        purpose=_PURPOSE,
        bound_to=device.user.pk.bytes,
    )
    if secret is None:
        return rules.CodeVerdict.WRONG
    now = timezone.now()
    state = rules.CodeState(
        rules.CodeKind(device.kind),
        device.next_value,
        device.failures,
        device.failing_since,
    )
    verdict, after = rules.judge_code(state, secret=secret, code=code, now=now)
    device.next_value, device.failures = after.next_value, after.failures
    device.failing_since = after.failing_since
    if verdict is rules.CodeVerdict.ACCEPTED:
        device.last_used_at = now
    device.save(
        update_fields=["next_value", "failures", "failing_since", "last_used_at"]
    )
    return verdict


def _locked(user: User, device_id: int, *, confirmed: bool) -> CodeDevice:
    device: CodeDevice | None = (
        CodeDevice.objects.select_for_update(of=("self",))
        .filter(pk=device_id, user=user, confirmed=confirmed)
        .first()
    )
    if device is None:
        raise CodeDeviceNotFoundError
    return device
