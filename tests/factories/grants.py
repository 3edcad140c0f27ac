"""Delegate rights on objects through the same service as the UI."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Model
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.events import Actor
from apps.roles import services
from apps.roles.models import ObjectGrant, PrincipalGroup
from apps.roles.rules import GrantSpec

SYSTEM = Actor.system("tests")
HOUR = dt.timedelta(hours=1)


def grant_spec(
    holder: User | PrincipalGroup,
    action: str,
    what: Model | str,
    constraint: Any = None,
    **more: Any,
) -> GrantSpec:
    """Return what is asked for: an object, or a model's name and a constraint."""
    is_object = isinstance(what, Model)
    return GrantSpec(
        action=action,
        model=what._meta.label if isinstance(what, Model) else what,
        object_id=what.pk if is_object and isinstance(what, Model) else None,
        constraint=constraint,
        user_id=holder.pk if isinstance(holder, User) else None,
        group_id=holder.pk if isinstance(holder, PrincipalGroup) else None,
        **{"until": timezone.now() + HOUR, "reason": "A test.", **more},
    )


def delegate(
    holder: User | PrincipalGroup,
    action: str,
    what: Model | str,
    constraint: Any = None,
    *,
    actor: Actor = SYSTEM,
    **more: Any,
) -> ObjectGrant:
    """Delegate a right, for an hour unless told otherwise."""
    spec = grant_spec(holder, action, what, constraint, **more)
    return services.grant_object(actor=actor, spec=spec)
