"""Single-use links that let a person register a passkey."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.accounts.errors import EnrollmentLinkError
from apps.accounts.events import AccountsAction
from apps.accounts.models import EnrollmentLink, User
from apps.accounts.services.guards import refuse_if_sealed
from apps.accounts.services.trail import record
from apps.audit.events import Actor

LIFETIME = dt.timedelta(minutes=30)


@transaction.atomic
def issue_enrollment_link(*, actor: Actor, user: User) -> str:
    """Return the token of a new link; links issued before stop working.

    Raises SealedAccountError.
    """
    refuse_if_sealed(user)
    now = timezone.now()
    EnrollmentLink.objects.filter(
        user=user, used_at__isnull=True, revoked_at__isnull=True
    ).update(revoked_at=now)
    token = secrets.token_urlsafe(32)
    EnrollmentLink.objects.create(
        user=user,
        token_hash=_hash(token),
        created_by=actor.name,
        expires_at=now + LIFETIME,
    )
    record(
        actor=actor,
        action=AccountsAction.ENROLLMENT_LINK_ISSUED,
        user=user,
        context={"valid_minutes": int(LIFETIME.total_seconds() // 60)},
    )
    return token


def enrollment_url(token: str) -> str:
    """Return the address that a person opens with a token."""
    return f"{settings.PORTWARD_WEB_URL}/enroll/{token}/"


def open_link(token: str, *, lock: bool = False) -> EnrollmentLink:
    """Return the link of a token while it can be used.

    Raises EnrollmentLinkError. The token is 32 random bytes, so that looking up its
    hash gives nothing away through timing.
    """
    links = EnrollmentLink.objects.select_related("user")
    if lock:
        links = links.select_for_update(of=("self",))
    link = links.filter(
        token_hash=_hash(token),
        used_at__isnull=True,
        revoked_at__isnull=True,
        expires_at__gt=timezone.now(),
        user__is_active=True,
    ).first()
    if link is None:
        raise EnrollmentLinkError
    return link


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
