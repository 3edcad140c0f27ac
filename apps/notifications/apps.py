"""Configuration of the app."""

from __future__ import annotations

from django.apps import AppConfig
from typing_extensions import override


class NotificationsConfig(AppConfig):
    """Configuration of `apps.notifications`."""

    name = "apps.notifications"
    verbose_name = "Notifications"

    @override
    def ready(self) -> None:
        """Subscribe to the outbox."""
        from apps.notifications.handlers import register_handlers

        register_handlers()
