"""Registration of the app with Django."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Errors, abstract models, migration operations. A closed list."""

    name = "apps.core"
    default_auto_field = "django.db.models.BigAutoField"
