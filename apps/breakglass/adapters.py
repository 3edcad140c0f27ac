"""Send e-mail."""

from __future__ import annotations

from django.core.mail import send_mail


def mail_security_admin(*, address: str, subject: str, text: str) -> None:
    """Send one message. Raises OSError or SMTPException; the outbox tries again."""
    send_mail(subject, text, None, [address], fail_silently=False)
