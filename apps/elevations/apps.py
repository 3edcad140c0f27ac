"""Configuration of the app."""

from __future__ import annotations

from django.apps import AppConfig


class ElevationsConfig(AppConfig):
    """Configuration of `apps.elevations`."""

    name = "apps.elevations"
    verbose_name = "Elevations"
