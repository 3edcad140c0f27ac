"""Registration of the app with Django."""

from django.apps import AppConfig
from typing_extensions import override


class BundlesConfig(AppConfig):
    """Releases: records, state digest, snapshot bytes, signatures."""

    name = "apps.bundles"
    default_auto_field = "django.db.models.BigAutoField"

    @override
    def ready(self) -> None:
        """Subscribe to the outbox and add the deploy check."""
        from apps.bundles import checks  # noqa: F401  # registers itself
        from apps.bundles.handlers import register_handlers

        register_handlers()
