"""Registration of the app with Django."""

from django.apps import AppConfig


class PoliciesConfig(AppConfig):
    """Drafts that compile to Cedar, and the immutable versions they become."""

    name = "apps.policies"
    default_auto_field = "django.db.models.BigAutoField"
