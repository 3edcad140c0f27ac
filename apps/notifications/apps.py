"""Configuration of the app."""

from __future__ import annotations

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Configuration of `apps.notifications`."""

    name = "apps.notifications"
    verbose_name = "Notifications"
