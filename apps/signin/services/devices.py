"""Recognize the browser that a person uses."""

from __future__ import annotations

import hashlib
import secrets
import uuid

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.services.trail import record
from apps.audit.events import Actor
from apps.signin.errors import SessionNotFoundError
from apps.signin.events import SignInAction
from apps.signin.models import KnownDevice
from apps.signin.services.facts import RequestFacts

_TOKEN_BYTES = 32


def new_device_token() -> str:
    """Return a fresh value for the device cookie."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def recognize(*, user: User, facts: RequestFacts) -> KnownDevice | None:
    """Return the device of the person that the request comes from, if it is known."""
    if not facts.device_token:
        return None
    return KnownDevice.objects.filter(
        user_id=user.pk, token_hash=hash_token(facts.device_token)
    ).first()


def remember(*, user: User, facts: RequestFacts) -> KnownDevice:
    """Return the person's device of the request, made known if it is new."""
    device, _is_new = KnownDevice.objects.update_or_create(
        user=user,
        token_hash=hash_token(facts.device_token),
        defaults={
            "label": facts.label,
            "fingerprint": facts.fingerprint,
            "last_seen_at": timezone.now(),
        },
    )
    return device


@transaction.atomic
def trust_device(*, actor: Actor, user: User, device_id: uuid.UUID) -> KnownDevice:
    """Mark a person's own device as trusted; policies may ask for one.

    Raises SessionNotFoundError.
    """
    device = _own(user, device_id)
    device.trusted_at = timezone.now()
    device.save(update_fields=["trusted_at"])
    _audit(actor, SignInAction.DEVICE_TRUSTED, device)
    return device


@transaction.atomic
def forget_device(*, actor: Actor, user: User, device_id: uuid.UUID) -> None:
    """Forget a person's own device: the next sign-in from it counts as a new one."""
    device = _own(user, device_id)
    _audit(actor, SignInAction.DEVICE_FORGOTTEN, device)
    device.delete()


def hash_token(token: str) -> str:
    """Return what is stored of a cookie: enough to compare, too little to use."""
    return hashlib.sha256(b"portward-device\0" + token.encode()).hexdigest()


def _own(user: User, device_id: uuid.UUID) -> KnownDevice:
    device = (
        KnownDevice.objects.select_for_update()
        .filter(pk=device_id, user_id=user.pk)
        .first()
    )
    if device is None:
        raise SessionNotFoundError("You have no such device.")
    return device


def _audit(actor: Actor, action: SignInAction, device: KnownDevice) -> None:
    record(
        actor=actor,
        action=action,
        user=device.user,
        context={"device": device.label, "device_id": str(device.pk)},
    )
