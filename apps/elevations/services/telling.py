"""Tell the people whom an elevation concerns, in the transaction that changes it."""

from __future__ import annotations

import uuid

from django.urls import reverse

from apps.accounts.choices import TenantRole
from apps.accounts.selectors import members
from apps.audit.events import Actor
from apps.elevations.models import Elevation
from apps.notifications.services import notify


def tell_activated(row: Elevation) -> None:
    """Tell approvers and security admins that somebody holds a role now."""
    notify(
        event="elevation.activated",
        recipients=(row.approvers | _security_admins()) - {row.requester_id},
        title=f"{row.requester_name} may now: {row.eligibility.purpose}",
        body=f"For {row.minutes} minutes. {row.reason}",
        path=reverse("admin:elevations_elevation_change", args=[row.pk]),
        data=_data(row),
    )


def tell_ending(row: Elevation) -> None:
    """Tell the holder that it ends soon."""
    _tell_holder(
        row,
        "elevation.ending",
        f"Ends soon: {row.eligibility.purpose}",
        "Ask for more time now if you need it.",
        urgent=True,
    )


def tell_ended(row: Elevation, *, by: Actor) -> None:
    """Tell the holder that it is over, unless they ended it themselves."""
    if by.kind == "user" and by.id == str(row.requester_id):
        return
    words = row.end_reason or "Its time is over."
    if by.kind == "user":
        words = f"Ended by {by.name}. {row.end_reason}".strip()
    title = f"Over: {row.eligibility.purpose}"
    _tell_holder(row, "elevation.ended", title, words, urgent=by.kind == "user")


def _tell_holder(
    row: Elevation, event: str, title: str, body: str, *, urgent: bool
) -> None:
    notify(
        event=event,
        recipients=[row.requester_id],
        title=title,
        body=body,
        path=reverse("access:elevation", args=[row.pk]),
        data=_data(row),
        urgent=urgent,
    )


def _data(row: Elevation) -> dict[str, str | int]:
    deadline = row.ends_at.isoformat() if row.ends_at else ""
    return {
        "who": row.requester_name,
        "what": row.eligibility.purpose,
        "ttl": row.minutes,
        "deadline": deadline,
    }


def _security_admins() -> frozenset[uuid.UUID]:
    found = members().filter(user__is_active=True, is_sealed=False)
    return frozenset(
        row.user_id for row in found if TenantRole.SECURITY_ADMIN in row.roles
    )
