"""Questions about the people who decide."""

from __future__ import annotations

import uuid

from apps.accounts import selectors as accounts
from apps.accounts.models import Membership, Passkey
from apps.audit.events import Actor

SECURITY_ADMIN = "security_admin"


def roles_of(user_id: uuid.UUID) -> frozenset[str]:
    """Return the roles that a user holds in the current tenant."""
    membership = (
        accounts.members().filter(user_id=user_id, user__is_active=True).first()
    )
    if membership is None or accounts.is_closed(membership):
        return frozenset()
    return frozenset(membership.roles)


def roles_of_actor(actor: Actor) -> frozenset[str]:
    """Return the roles of an actor; only people hold any."""
    return roles_of(uuid.UUID(actor.id)) if actor.kind == "user" else frozenset()


def possible_voters() -> list[Membership]:
    """Return the members who could sign a vote now, by name.

    Who is frozen, closed or without a usable passkey could not.
    """
    frozen = accounts.open_freezes().filter(sign_in_id__isnull=True)
    with_passkey = Passkey.objects.filter(confirmed=True).values("user_id")
    found = (
        accounts.members()
        .filter(user__is_active=True, user_id__in=with_passkey)
        .exclude(user_id__in=frozen.values("user_id"))
    )
    return [row for row in found if not accounts.is_closed(row)]


def name_of(user_id: uuid.UUID | None) -> str:
    """Return how a person is called here; nobody is a service."""
    if user_id is None:
        return "a service or nobody who signs in"
    row = accounts.members().filter(user_id=user_id).first()
    return str(row.user) if row else "somebody who is no member any more"
