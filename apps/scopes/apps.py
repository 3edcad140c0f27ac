"""Registration of the app with Django."""

from django.apps import AppConfig


class ScopesConfig(AppConfig):
    """When and where: time windows and locations."""

    name = "apps.scopes"
    default_auto_field = "django.db.models.BigAutoField"
