"""Registration of the app with Django."""

from django.apps import AppConfig


class BundlesConfig(AppConfig):
    """Releases: records, state digest, snapshot bytes, signatures."""

    name = "apps.bundles"
    default_auto_field = "django.db.models.BigAutoField"
