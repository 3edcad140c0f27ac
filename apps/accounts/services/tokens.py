"""API tokens: shown once, kept as a hash, bound to one person in one tenant."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
import uuid
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from apps.accounts.errors import ApiTokenInvalidError, ApiTokenRefusedError
from apps.accounts.events import AccountsAction
from apps.accounts.models import ApiToken, Membership, User
from apps.audit import services as audit
from apps.audit.events import Actor
from apps.tenants.services import require_tenant_id, tenant_scope

LONGEST_LIFETIME = dt.timedelta(days=90)
# Writing down every single use would cost more than the answers.
_NOTE_USE_EVERY = dt.timedelta(minutes=1)
_SHAPE = re.compile(r"^pwt_([0-9a-f]{32})_([A-Za-z0-9_-]{43})$")


@dataclass(frozen=True)
class TokenHolder:
    """Who a token speaks for, and in which tenant."""

    user: User
    tenant_id: uuid.UUID
    token_id: uuid.UUID


@transaction.atomic
def issue_api_token(
    *, actor: Actor, user: User, name: str, lifetime: dt.timedelta
) -> str:
    """Return a new token of a member of the current tenant; it is shown this once.

    Raises ApiTokenInvalidError for a name or lifetime that is not accepted, or a person
    who is no member.
    """
    tenant_id = require_tenant_id()
    name = name.strip()
    if not name or len(name) > ApiToken.NAME_LENGTH:
        raise ApiTokenInvalidError("Name the client that will use it.", field="name")
    if not dt.timedelta(0) < lifetime <= LONGEST_LIFETIME:
        raise ApiTokenInvalidError(
            "A token lives for 1 to 90 days.", field="days", remedy="Choose fewer days."
        )
    if not Membership.objects.filter(user=user).exists():
        raise ApiTokenInvalidError(f"{user} is no member of this tenant.", field="user")
    secret = secrets.token_urlsafe(32)
    row = ApiToken.objects.create(
        tenant_id=tenant_id,
        user=user,
        name=name,
        secret_hash=_hash(secret),
        expires_at=timezone.now() + lifetime,
    )
    _audit(actor, AccountsAction.API_TOKEN_ISSUED, row)
    return f"pwt_{tenant_id.hex}_{secret}"


@transaction.atomic
def revoke_api_token(*, actor: Actor, token_id: uuid.UUID, owner: User) -> None:
    """End one of a person's own tokens; ending it again changes nothing."""
    row = (
        ApiToken.objects.select_for_update()
        .filter(pk=token_id, user=owner, revoked_at__isnull=True)
        .first()
    )
    if row is not None:
        row.revoked_at = timezone.now()
        row.save(update_fields=["revoked_at"])
        _audit(actor, AccountsAction.API_TOKEN_REVOKED, row)


def authenticate_api_token(token: str) -> TokenHolder:
    """Return who a token speaks for.

    Raises ApiTokenRefusedError, the same for every reason, so that nothing is told to
    whoever tries tokens out.
    """
    found = _SHAPE.match(token)
    if found is None:
        raise ApiTokenRefusedError
    tenant_id = uuid.UUID(found.group(1))
    now = timezone.now()
    with tenant_scope(tenant_id):
        row = (
            ApiToken.objects.select_related("user")
            .filter(
                secret_hash=_hash(found.group(2)),
                revoked_at__isnull=True,
                expires_at__gt=now,
                user__is_active=True,
            )
            .first()
        )
        if row is None:
            raise ApiTokenRefusedError
        if row.last_used_at is None or now - row.last_used_at > _NOTE_USE_EVERY:
            row.last_used_at = now
            row.save(update_fields=["last_used_at"])
        return TokenHolder(row.user, tenant_id, row.pk)


def _hash(secret: str) -> str:
    # The secret has 256 random bits: a plain hash cannot be guessed back.
    return hashlib.sha256(b"portward-api-token-v1\0" + secret.encode()).hexdigest()


def _audit(actor: Actor, action: AccountsAction, row: ApiToken) -> None:
    audit.append(
        actor=actor,
        action=action,
        target_type="api_token",
        target_id=str(row.pk),
        after={
            "name": row.name,
            "user": row.user.username,
            "expires_at": row.expires_at.isoformat(),
        },
    )
