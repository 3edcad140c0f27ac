"""Write what happened to a person into the audit log of every tenant they are in.

Passkeys and sign-ins belong to people, the audit log to tenants. So each tenant that
trusts a person learns what happened to the keys which that trust rests on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from django.db import transaction

from apps.accounts.events import AccountsAction
from apps.accounts.models import RefusedSignIn, User
from apps.accounts.selectors import memberships
from apps.audit import services as audit
from apps.audit.events import Actor
from apps.tenants.services import current_tenant_id, tenant_scope

logger = logging.getLogger(__name__)


def actor_for(user: User, credential: str = "") -> Actor:
    """Return a person as the actor of what they do."""
    return Actor(
        kind="user", id=str(user.pk), name=user.username, credential=credential
    )


def record(
    *,
    actor: Actor,
    action: StrEnum,
    user: User,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
) -> None:
    """Append one entry for each tenant of the person, in a fixed order."""
    tenants = {membership.tenant_id for membership in memberships(user)}
    if (current := current_tenant_id()) is not None:
        tenants.add(current)
    if not tenants:
        # The first administrator is enrolled before there is a tenant.
        logger.info("%s: %s by %s", action, user.username, actor.name)
    for tenant_id in sorted(tenants):
        with tenant_scope(tenant_id):
            audit.append(
                actor=actor,
                action=action,
                target_type="User",
                target_id=user.username,
                before=before,
                after=after,
                context=context,
            )


@transaction.atomic
def note_refused_sign_in(*, user: User, code: str, context: Mapping[str, Any]) -> None:
    """Remember that a sign-in as a person was refused, and tell their tenants why."""
    RefusedSignIn.objects.create(user=user, code=code)
    record(
        actor=Actor.system("accounts"),
        action=AccountsAction.SIGN_IN_REFUSED,
        user=user,
        context={"code": code, **context},
    )
