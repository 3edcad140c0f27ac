"""Send plain text by mail."""

from __future__ import annotations

import uuid
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage

from apps.notifications.errors import UnreachableError


def send_mail(*, message_id: uuid.UUID, address: str, subject: str, text: str) -> None:
    """Send one message to one person. Raises UnreachableError.

    A message that is sent again has the same id, so that a mailbox may show it once.
    """
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">") or "localhost"
    message = EmailMessage(
        subject,
        text,
        to=[address],
        headers={
            "Message-ID": f"<{message_id}@{domain}>",
            # RFC 3834: nobody's absence notice answers this.
            "Auto-Submitted": "auto-generated",
        },
    )
    try:
        message.send(fail_silently=False)
    except (OSError, SMTPException) as error:
        raise UnreachableError(f"The mail server: {type(error).__name__}.") from error
