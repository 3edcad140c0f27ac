"""Registration of the app with Django."""

from django.apps import AppConfig
from typing_extensions import override


class DistributionConfig(AppConfig):
    """From a signed release to every node and back: reports, consistency."""

    name = "apps.distribution"
    default_auto_field = "django.db.models.BigAutoField"

    @override
    def ready(self) -> None:
        """Name the handlers of this app, and offer its log for replays."""
        from apps.distribution import handlers
        from apps.distribution.selectors import logged_decisions
        from apps.simulation.services import register_decisions

        handlers.register()
        register_decisions(logged_decisions)
