"""End sessions because a provider says so (Back-Channel Logout 1.0, section 2.7)."""

from __future__ import annotations

import datetime as dt
import hashlib

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit import services as audit
from apps.audit.events import Actor
from apps.federation.errors import LogoutRefusedError
from apps.federation.events import FederationAction
from apps.federation.models import FederatedLink, IdentityProvider, UsedLogout
from apps.federation.rules.tokens import LEEWAY_SECONDS, Logout
from apps.federation.selectors import session_name
from apps.signin.choices import EndReason
from apps.signin.models import SignIn
from apps.signin.services import end_sessions
from apps.tenants.services import tenant_scope


@transaction.atomic
def accept_logout(*, provider: IdentityProvider, logout: Logout) -> int:
    """End what a verified logout token names, once; return how many sessions ended.

    Without a session it is all sessions of the subject by this provider. Raises
    LogoutRefusedError for a token that was used before.
    """
    actor = Actor.system("federation")
    with tenant_scope(provider.tenant_id):
        _use(provider, logout)
        count = 0
        for user in _people(provider, logout):
            count += end_sessions(
                actor=actor,
                user=user,
                reason=EndReason.PROVIDER,
                provider=session_name(provider),
                provider_session=logout.session,
            )
        audit.append(
            actor=actor,
            action=FederationAction.LOGOUT_RECEIVED,
            target_type="IdentityProvider",
            target_id=provider.slug,
            context={"subject": logout.subject, "sessions": count},
        )
    return count


def _use(provider: IdentityProvider, logout: Logout) -> None:
    now = timezone.now()
    UsedLogout.objects.filter(expires_at__lt=now).delete()
    until = dt.datetime.fromtimestamp(logout.expires_at + LEEWAY_SECONDS, tz=dt.UTC)
    try:
        with transaction.atomic():
            UsedLogout.objects.create(
                tenant_id=provider.tenant_id,
                provider=provider,
                serial_hash=hashlib.sha256(logout.serial.encode()).hexdigest(),
                expires_at=until,
            )
    except IntegrityError as error:
        raise LogoutRefusedError("The logout token was used before.") from error


def _people(provider: IdentityProvider, logout: Logout) -> list[User]:
    """Return whom a logout may concern: the linked subject, or holders of a session."""
    if logout.subject:
        links = FederatedLink.objects.filter(provider=provider, subject=logout.subject)
        return [row.user for row in links.select_related("user")]
    rows = SignIn.objects.filter(
        provider=session_name(provider),
        provider_session=logout.session,
        ended_at__isnull=True,
    ).select_related("user")
    return list({row.user_id: row.user for row in rows}.values())
