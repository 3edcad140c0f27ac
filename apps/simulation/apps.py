"""Configuration of the app."""

from __future__ import annotations

from django.apps import AppConfig
from typing_extensions import override


class SimulationConfig(AppConfig):
    """Configuration of `apps.simulation`."""

    name = "apps.simulation"
    verbose_name = "Simulation"

    @override
    def ready(self) -> None:
        """Subscribe to the outbox."""
        from apps.simulation.handlers import register_handlers

        register_handlers()
