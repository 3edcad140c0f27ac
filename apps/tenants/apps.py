"""Registration of the app with Django."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from typing_extensions import override


class TenantsConfig(AppConfig):
    """The isolation boundary: tenants and the scope in which their rows are visible."""

    name = "apps.tenants"
    default_auto_field = "django.db.models.BigAutoField"

    @override
    def ready(self) -> None:
        """Put the guard on every connection that will be opened."""
        from apps.tenants.services import install_guard

        connection_created.connect(install_guard, dispatch_uid="tenants.guard")
