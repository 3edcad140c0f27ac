"""Tell security admins by e-mail that the glass was broken. Idempotent per person."""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone

from apps.breakglass import adapters
from apps.breakglass.events import Topic
from apps.breakglass.models import Notice
from apps.outbox.services import MessageEnvelope, register
from apps.tenants.services import tenant_scope


def register_handlers() -> None:
    """Subscribe to the outbox."""
    register(str(Topic.OPENED), mail_notices)


def mail_notices(message: MessageEnvelope) -> None:
    """Mail everybody who has an address and was not mailed yet."""
    for notice in _unsent(message):
        activation = notice.activation
        adapters.mail_security_admin(
            address=notice.user.email,
            subject=f"Break-glass account {activation.account} was opened",
            text=(
                f"{activation.account} was opened at {activation.opened_at:%H:%M} UTC, "
                f"until {activation.ends_at:%H:%M} UTC"
                f"{' (a drill)' if activation.is_drill else ''}.\n\n"
                f"Reason: {activation.reason}\n\n"
                f"See {settings.PORTWARD_WEB_URL}/admin/ - you can end it there.\n"
            ),
        )
        with tenant_scope(message.tenant_id):
            Notice.objects.filter(pk=notice.pk).update(mailed_at=timezone.now())


def _unsent(message: MessageEnvelope) -> list[Notice]:
    with tenant_scope(message.tenant_id):
        rows = Notice.objects.filter(
            activation_id=message.payload["activation"], mailed_at__isnull=True
        ).exclude(user__email="")
        return list(rows.select_related("user", "activation__account__user"))
