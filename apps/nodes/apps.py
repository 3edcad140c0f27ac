"""Registration of the app with Django."""

from django.apps import AppConfig
from typing_extensions import override


class NodesConfig(AppConfig):
    """Machines that run the agent: enrollment, identity, groups."""

    name = "apps.nodes"
    default_auto_field = "django.db.models.BigAutoField"

    @override
    def ready(self) -> None:
        """Name the handlers of this app."""
        from apps.nodes import handlers

        handlers.register()
