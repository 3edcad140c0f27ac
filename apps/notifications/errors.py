"""Failures of the app."""

from __future__ import annotations

from apps.core.errors import InvalidError


class NotificationInvalidError(InvalidError):
    """A notification cannot be written as it is."""

    code = "notifications.invalid"
    default_message = "The notification is not valid."
