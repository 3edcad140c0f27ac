"""Questions about the people who decide."""

from __future__ import annotations

import uuid

from apps.accounts import selectors as accounts
from apps.accounts.models import Membership, Passkey
from apps.audit.events import Actor

SECURITY_ADMIN = "security_admin"


def roles_of(user_id: uuid.UUID) -> frozenset[str]:
    """Return the roles that a user holds in the current tenant."""
    member = active_members().get(user_id)
    return frozenset(member.roles) if member else frozenset()


def roles_of_actor(actor: Actor) -> frozenset[str]:
    """Return the roles of an actor; only people hold any."""
    return roles_of(uuid.UUID(actor.id)) if actor.kind == "user" else frozenset()


def name_of(user_id: uuid.UUID | None) -> str:
    """Return how a person is called here; nobody is a service."""
    if user_id is None:
        return "a service or nobody who signs in"
    row = accounts.members().filter(user_id=user_id).first()
    return str(row.user) if row else "somebody who is no member any more"


def active_members() -> dict[uuid.UUID, Membership]:
    """Return the members who may act now: neither frozen nor closed nor inactive."""
    frozen = accounts.open_freezes().filter(sign_in_id__isnull=True)
    found = (
        accounts.members()
        .filter(user__is_active=True)
        .exclude(user_id__in=frozen.values("user_id"))
    )
    return {row.user_id: row for row in found if not accounts.is_closed(row)}


def with_passkey() -> frozenset[uuid.UUID]:
    """Return the members who could sign a vote."""
    members = Membership.objects.values("user_id")
    rows = Passkey.objects.filter(confirmed=True, user_id__in=members)
    return frozenset(rows.values_list("user_id", flat=True))
