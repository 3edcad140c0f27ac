"""Configuration of the app."""

from __future__ import annotations

from django.apps import AppConfig
from typing_extensions import override


class BreakglassConfig(AppConfig):
    """Configuration of `apps.breakglass`."""

    name = "apps.breakglass"
    verbose_name = "Break glass"

    @override
    def ready(self) -> None:
        """Subscribe to the outbox, and register the checks."""
        from apps.breakglass import checks  # noqa: F401  # registers itself
        from apps.breakglass.handlers import register_handlers

        register_handlers()
