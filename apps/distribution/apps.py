"""Registration of the app with Django."""

from django.apps import AppConfig


class DistributionConfig(AppConfig):
    """From a signed release to every node and back: reports, consistency."""

    name = "apps.distribution"
    default_auto_field = "django.db.models.BigAutoField"
