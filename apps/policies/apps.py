"""Registration of the app with Django."""

from django.apps import AppConfig
from typing_extensions import override


class PoliciesConfig(AppConfig):
    """Drafts that compile to Cedar, and the immutable versions they become."""

    name = "apps.policies"
    default_auto_field = "django.db.models.BigAutoField"

    @override
    def ready(self) -> None:
        """Tell which policies refer to a window or location."""
        from apps.policies.selectors import uses_of_scope
        from apps.scopes.selectors import usage

        usage.register(uses_of_scope)
