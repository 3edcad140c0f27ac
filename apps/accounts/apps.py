"""Registration of the app with Django."""

import importlib

from django.apps import AppConfig
from typing_extensions import override


class AccountsConfig(AppConfig):
    """Users, memberships, passkeys and sign-in ceremonies."""

    name = "apps.accounts"
    default_auto_field = "django.db.models.BigAutoField"

    @override
    def ready(self) -> None:
        """Register the checks."""
        importlib.import_module("apps.accounts.checks")
