"""Questions about sessions and devices."""

from __future__ import annotations

import datetime as dt
import uuid

from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.models import Membership, User
from apps.signin.models import KnownDevice, SignIn
from apps.signin.rules.risk import Sighting
from apps.signin.rules.sessions import ABSOLUTE, IDLE, end_of

_REMEMBERED = 100


def live_sign_ins(*, now: dt.datetime | None = None) -> QuerySet[SignIn]:
    """Return the sessions that are neither ended, idle for too long nor too old."""
    now = now or timezone.now()
    return SignIn.objects.filter(
        ended_at__isnull=True,
        last_seen_at__gt=now - IDLE,
        started_at__gt=now - ABSOLUTE,
        expires_at__gt=now,
    ).select_related("user", "device")


def live_sign_ins_of(user: User) -> QuerySet[SignIn]:
    """Return a person's live sessions, the newest first."""
    return live_sign_ins().filter(user_id=user.pk).order_by("-last_seen_at")


def sign_ins_of_members() -> QuerySet[SignIn]:
    """Return the sessions of the members of the open tenant."""
    members = Membership.objects.values("user_id")
    return SignIn.objects.filter(user_id__in=members).select_related("user", "device")


def sign_in_by_hash(session_hash: str) -> SignIn | None:
    """Return the session that a cookie belongs to."""
    return (
        SignIn.objects.select_related("user", "device")
        .filter(session_hash=session_hash)
        .first()
    )


def sightings(user: User, *, but: uuid.UUID | None = None) -> tuple[Sighting, ...]:
    """Return where and when a person was seen before, for judging what is unusual."""
    rows = SignIn.objects.filter(user_id=user.pk)
    if but is not None:
        rows = rows.exclude(pk=but)
    return tuple(
        Sighting(
            at=row.started_at,
            network=row.network,
            country=row.country,
            latitude=row.latitude,
            longitude=row.longitude,
            device=str(row.device_id or ""),
        )
        for row in rows.order_by("-started_at")[:_REMEMBERED]
    )


def devices_of(user: User) -> QuerySet[KnownDevice]:
    """Return the devices that a person has used, the newest first."""
    return KnownDevice.objects.filter(user_id=user.pk).order_by("-last_seen_at")


def is_live(row: SignIn) -> bool:
    """Say whether a session still counts."""
    return end_of(row.state(), now=timezone.now()) is None
