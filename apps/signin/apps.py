"""Configuration of the app."""

from __future__ import annotations

import importlib

from django.apps import AppConfig
from typing_extensions import override


class SigninConfig(AppConfig):
    """Configuration of `apps.signin`."""

    name = "apps.signin"
    verbose_name = "Sign-in"

    @override
    def ready(self) -> None:
        """Register the checks."""
        importlib.import_module("apps.signin.checks")
