"""Registration of the app with Django."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The append-only, hash-chained record of everything that happened."""

    name = "apps.audit"
    default_auto_field = "django.db.models.BigAutoField"
