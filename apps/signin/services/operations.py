"""Hold an operation until its person has proven themselves, and let it happen once.

The proof is a passkey's signature over the digest of exactly this operation: its name,
method, address, the digest of what is sent, who does it and an identifier. It is kept
with the operation, so that anybody can verify later who confirmed what.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import secrets
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apps.accounts.errors import OtherKeyNeededError
from apps.accounts.models import Passkey, User
from apps.accounts.services import (
    CeremonyOptions,
    actor_for,
    begin_operation_ceremony,
    fingerprint,
    verify_operation_assertion,
)
from apps.accounts.services.trail import record
from apps.core.rules import NONCE_BYTES, seal, unseal
from apps.signin.errors import (
    OperationChangedError,
    OperationInvalidError,
    OperationNotFoundError,
    OperationOverError,
    parse_id,
)
from apps.signin.events import SignInAction
from apps.signin.models import PendingOperation, SignIn
from apps.signin.rules.operations import (
    OPERATION_LIFETIME_SECONDS,
    Operation,
    fields_digest,
    operation_digest,
)

LIFETIME = dt.timedelta(seconds=OPERATION_LIFETIME_SECONDS)
# A form may wait for somebody to sign in again; its proof does not.
FORM_LIFETIME = dt.timedelta(minutes=30)
_LONGEST_FORM = 1_000_000
_TOKEN_BYTES = 32
_PURPOSE = "pending operation"
TOKEN_PREFIX = "pwo_"  # noqa: S105  # what scanners for leaked secrets look for


@transaction.atomic
def hold(
    *,
    sign_in: SignIn,
    operation: Operation,
    method: str,
    path: str,
    fields: Sequence[tuple[str, str]],
    tenant_id: uuid.UUID | None,
    not_by: int | None = None,
) -> PendingOperation:
    """Keep what a person was about to do in the console until they have confirmed it.

    Raises OperationInvalidError for a form that is too large to be kept.
    """
    text = json.dumps([list(pair) for pair in fields])
    if len(text) > _LONGEST_FORM:
        raise OperationInvalidError(
            "This form is too large to be kept while you confirm.",
            remedy="Confirm first (menu, “Confirm it is you”), then send it again.",
        )
    pending = _new(
        user=sign_in.user,
        operation=operation,
        method=method,
        path=path,
        body_digest=fields_digest(fields),
        tenant_id=tenant_id,
        lifetime=FORM_LIFETIME,
    )
    pending.sign_in, pending.not_by = sign_in, not_by
    pending.sealed_fields = _seal(text, pending.pk)
    pending.save(force_insert=True)
    return pending


@transaction.atomic
def request_operation(
    *,
    user: User,
    requester: str,
    operation: Operation,
    method: str,
    path: str,
    body_digest: str,
    tenant_id: uuid.UUID,
) -> PendingOperation:
    """Register an operation that a program wants to do over REST for a person.

    `requester` names the token that asked; only it can collect the operation token.
    """
    pending = _new(
        user=user,
        operation=operation,
        method=method,
        path=path,
        body_digest=body_digest,
        tenant_id=tenant_id,
        lifetime=LIFETIME,
    )
    pending.requester = requester
    pending.save(force_insert=True)
    return pending


def waiting_operation(*, user: User, operation_id: uuid.UUID) -> PendingOperation:
    """Return a person's operation that still waits for proof or for being done.

    Raises OperationNotFoundError and OperationOverError.
    """
    row = PendingOperation.objects.filter(pk=operation_id, user_id=user.pk).first()
    if row is None:
        raise OperationNotFoundError
    if row.used_at is not None or row.expires_at <= timezone.now():
        raise OperationOverError
    return row


def begin_proof(
    *, user: User, session_key: str, pending: PendingOperation
) -> CeremonyOptions:
    """Ask the person's authenticator to sign the operation."""
    return begin_operation_ceremony(
        user=user,
        session_key=session_key,
        operation_digest=bytes(pending.digest),
        but_not=pending.not_by,
    )


@transaction.atomic
def confirm(
    *,
    user: User,
    pending: PendingOperation,
    ceremony_id: str,
    credential: Mapping[str, Any],
) -> Passkey:
    """Accept the signature over an operation, once, and keep it as evidence.

    Raises OperationOverError, CeremonyError and AssertionRefusedError.
    """
    row = PendingOperation.objects.select_for_update().get(pk=pending.pk)
    now = timezone.now()
    if row.used_at is not None or row.proven_at is not None or row.expires_at <= now:
        raise OperationOverError
    proof = verify_operation_assertion(
        user=user,
        ceremony_id=ceremony_id,
        credential_json=credential,
        operation_digest=bytes(row.digest),
    )
    if proof.passkey_id == row.not_by:
        raise OtherKeyNeededError
    row.proven_at = now
    row.expires_at = min(row.expires_at, now + LIFETIME)
    row.evidence = {
        "credential_id": _text(proof.credential_id),
        "client_data": _text(proof.client_data),
        "authenticator_data": _text(proof.authenticator_data),
        "signature": _text(proof.signature),
        "public_key": _text(proof.public_key),
    }
    row.save(update_fields=["proven_at", "expires_at", "evidence"])
    passkey: Passkey = Passkey.objects.get(pk=proof.passkey_id)
    record(
        actor=actor_for(user, credential=fingerprint(passkey)),
        action=SignInAction.OPERATION_CONFIRMED,
        user=user,
        context={
            "operation": row.operation,
            "method": row.method,
            "path": row.path,
            "digest": bytes(row.digest).hex(),
            "id": str(row.pk),
        },
    )
    return passkey


@transaction.atomic
def use_in_console(
    *,
    user: User,
    sign_in: SignIn,
    operation_id: uuid.UUID | str,
    operation: Operation,
    method: str,
    path: str,
    fields: Sequence[tuple[str, str]],
) -> PendingOperation:
    """Take a confirmed operation out of use, if it is exactly what is being done.

    1. It is this person's, in this session.
    2. It was confirmed, is fresh and was not used.
    3. Operation, method, address and everything sent are what was confirmed.

    Raises OperationNotFoundError, OperationOverError and OperationChangedError.
    """
    pk = parse_id(operation_id)
    row = PendingOperation.objects.select_for_update().filter(pk=pk).first()
    if row is None or row.user_id != user.pk or row.sign_in_id != sign_in.pk:
        raise OperationNotFoundError
    _use(row, operation=operation, method=method, path=path)
    if row.body_digest != fields_digest(fields):
        raise OperationChangedError
    return _mark_used(row)


@transaction.atomic
def use_token(
    *,
    user: User,
    token: str,
    operation: Operation,
    method: str,
    path: str,
    body: bytes,
    tenant_id: uuid.UUID,
) -> PendingOperation:
    """Take an operation token out of use, if it is for exactly this request.

    Raises as `use_in_console` does.
    """
    row = (
        PendingOperation.objects.select_for_update()
        .filter(token_hash=_hash(token), sign_in__isnull=True)
        .exclude(token_hash="")
        .first()
    )
    if row is None or row.user_id != user.pk or row.tenant_id != tenant_id:
        raise OperationNotFoundError
    _use(row, operation=operation, method=method, path=path)
    if row.body_digest != hashlib.sha256(body).hexdigest():
        raise OperationChangedError
    return _mark_used(row)


@transaction.atomic
def collect_token(*, user: User, requester: str, operation_id: uuid.UUID) -> str:
    """Return the token of a confirmed operation to whoever registered it, once.

    Empty while the person has not confirmed, and when it was collected already.
    """
    row = (
        PendingOperation.objects.select_for_update()
        .filter(pk=operation_id, user_id=user.pk, requester=requester)
        .exclude(requester="")
        .first()
    )
    if row is None:
        raise OperationNotFoundError
    if row.used_at is not None or row.expires_at <= timezone.now():
        raise OperationOverError
    if row.proven_at is None or row.token_hash:
        return ""
    token = TOKEN_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
    row.token_hash = _hash(token)
    row.save(update_fields=["token_hash"])
    return token


@transaction.atomic
def adopt(*, user: User, sign_in: SignIn, pending: PendingOperation) -> None:
    """Let a form that waited for its person go on in the session they opened since."""
    if pending.user_id != user.pk or not pending.is_console:
        raise OperationNotFoundError
    pending.sign_in = sign_in
    pending.save(update_fields=["sign_in"])


@transaction.atomic
def note_refused_operation(*, sign_in: SignIn, operation: Operation, code: str) -> None:
    """Tell the tenants that something else was sent than what was confirmed."""
    record(
        actor=actor_for(sign_in.user),
        action=SignInAction.OPERATION_REFUSED,
        user=sign_in.user,
        context={"operation": operation.value, "code": code},
    )


def fields_of(pending: PendingOperation) -> list[tuple[str, str]]:
    """Return the form that was kept. Raises OperationOverError if it cannot be read."""
    if not pending.sealed_fields:
        return []
    text = unseal(
        bytes(pending.sealed_fields),
        secrets=[settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS)],
        purpose=_PURPOSE,
        bound_to=pending.pk.bytes,
    )
    if text is None:
        raise OperationOverError
    return [(str(name), str(value)) for name, value in json.loads(text)]


def confirm_url(pending: PendingOperation) -> str:
    """Return where the person confirms an operation that a program registered."""
    return f"{settings.PORTWARD_WEB_URL}{reverse('signin:confirm', args=[pending.pk])}"


def sweep() -> int:
    """Delete operations that nobody can go on with; the audit trail keeps the rest."""
    deleted, _rows = PendingOperation.objects.filter(
        expires_at__lt=timezone.now() - dt.timedelta(days=1)
    ).delete()
    return deleted


def _new(
    *,
    user: User,
    operation: Operation,
    method: str,
    path: str,
    body_digest: str,
    tenant_id: uuid.UUID | None,
    lifetime: dt.timedelta,
) -> PendingOperation:
    pk = PendingOperation.new_id()
    return PendingOperation(
        pk=pk,
        user=user,
        tenant_id=tenant_id,
        operation=operation.value,
        method=method,
        path=path,
        body_digest=body_digest,
        digest=operation_digest(
            operation=operation,
            method=method,
            path=path,
            body_digest=body_digest,
            who=str(user.pk),
            serial=str(pk),
        ),
        expires_at=timezone.now() + lifetime,
    )


def _use(
    row: PendingOperation, *, operation: Operation, method: str, path: str
) -> None:
    if (
        row.proven_at is None
        or row.used_at is not None
        or row.expires_at <= timezone.now()
    ):
        raise OperationOverError
    if (row.operation, row.method, row.path) != (operation.value, method, path):
        raise OperationChangedError


def _mark_used(row: PendingOperation) -> PendingOperation:
    row.used_at = timezone.now()
    # What was typed has served; it is not kept a moment longer.
    row.sealed_fields = b""
    row.save(update_fields=["used_at", "sealed_fields"])
    return row


def _seal(text: str, pk: uuid.UUID) -> bytes:
    return seal(
        text.encode(),
        secret=settings.SECRET_KEY,
        purpose=_PURPOSE,
        bound_to=pk.bytes,
        nonce=secrets.token_bytes(NONCE_BYTES),
    )


def _hash(token: str) -> str:
    return hashlib.sha256(b"portward-operation-token\0" + token.encode()).hexdigest()


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
