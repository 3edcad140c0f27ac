"""Registration of the app with Django."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Pages that read across the apps. No models."""

    name = "apps.dashboard"
    default_auto_field = "django.db.models.BigAutoField"
