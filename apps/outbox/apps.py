"""Registration of the app with Django."""

from django.apps import AppConfig


class OutboxConfig(AppConfig):
    """Facts written with the change that caused them, delivered at least once."""

    name = "apps.outbox"
    default_auto_field = "django.db.models.BigAutoField"
