"""Configuration of the app."""

from __future__ import annotations

import importlib

from django.apps import AppConfig
from typing_extensions import override


class ClientsConfig(AppConfig):
    """Configuration of `apps.clients`."""

    name = "apps.clients"
    verbose_name = "API clients"

    @override
    def ready(self) -> None:
        """Register the checks."""
        importlib.import_module("apps.clients.checks")
