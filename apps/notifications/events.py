"""What the app writes into audit log and outbox. A value is never used again."""

from __future__ import annotations

from enum import StrEnum


class NotificationAction(StrEnum):
    """Audit actions about channels and preferences."""

    CHANNEL_CREATED = "notifications.channel_created"
    CHANNEL_CHANGED = "notifications.channel_changed"
    CHANNEL_PAUSED = "notifications.channel_paused"
    CHANNEL_RESUMED = "notifications.channel_resumed"
    CHANNEL_REMOVED = "notifications.channel_removed"
    SECRET_ROTATED = "notifications.secret_rotated"  # noqa: S105  # an action
    TESTED = "notifications.channel_tested"
    PREFERENCES_CHANGED = "notifications.preferences_changed"


class Topic(StrEnum):
    """Outbox topics."""

    TOLD = "notifications.told"
    DELIVER = "notifications.deliver"
