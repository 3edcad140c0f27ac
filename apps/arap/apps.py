"""Configuration of the app."""

from __future__ import annotations

from django.apps import AppConfig
from typing_extensions import override


class ArapConfig(AppConfig):
    """Configuration of `apps.arap`."""

    name = "apps.arap"
    verbose_name = "Access requests"

    @override
    def ready(self) -> None:
        """Subscribe to the outbox, and register the checks."""
        from apps.arap import checks  # noqa: F401  # registers itself
        from apps.arap.handlers import register_handlers

        register_handlers()
