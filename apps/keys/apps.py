"""Registration of the app with Django."""

import importlib

from django.apps import AppConfig
from typing_extensions import override


class KeysConfig(AppConfig):
    """Signing keys: hierarchy, stores, rotation."""

    name = "apps.keys"
    default_auto_field = "django.db.models.BigAutoField"

    @override
    def ready(self) -> None:
        """Register the checks."""
        importlib.import_module("apps.keys.checks")
