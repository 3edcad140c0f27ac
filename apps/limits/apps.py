"""Configuration of the app."""

from __future__ import annotations

from django.apps import AppConfig


class LimitsConfig(AppConfig):
    """Configuration of `apps.limits`."""

    name = "apps.limits"
    verbose_name = "Limits"
