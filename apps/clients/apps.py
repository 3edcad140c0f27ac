"""Configuration of the app."""

from __future__ import annotations

from django.apps import AppConfig


class ClientsConfig(AppConfig):
    """Configuration of `apps.clients`."""

    name = "apps.clients"
    verbose_name = "API clients"
