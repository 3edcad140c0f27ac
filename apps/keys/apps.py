"""Registration of the app with Django."""

from django.apps import AppConfig


class KeysConfig(AppConfig):
    """Signing keys: hierarchy, stores, rotation."""

    name = "apps.keys"
    default_auto_field = "django.db.models.BigAutoField"
