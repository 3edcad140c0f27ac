"""Configuration of the app."""

from __future__ import annotations

from django.apps import AppConfig


class BreakglassConfig(AppConfig):
    """Configuration of `apps.breakglass`."""

    name = "apps.breakglass"
    verbose_name = "Break glass"
