"""Configuration of the app."""

from __future__ import annotations

from django.apps import AppConfig


class FederationConfig(AppConfig):
    """Configuration of `apps.federation`."""

    name = "apps.federation"
    verbose_name = "Federation"
