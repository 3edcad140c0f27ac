"""The world outside: mail, and addresses that tenants name."""

from apps.notifications.adapters.mail import send_mail
from apps.notifications.adapters.outgoing import Answer, post

__all__ = ["Answer", "post", "send_mail"]
