"""Configuration of the app."""

from __future__ import annotations

from django.apps import AppConfig


class SimulationConfig(AppConfig):
    """Configuration of `apps.simulation`."""

    name = "apps.simulation"
    verbose_name = "Simulation"
