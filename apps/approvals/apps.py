"""Registration of the app with Django."""

from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    """Change requests, votes signed with passkeys, quorums."""

    name = "apps.approvals"
    default_auto_field = "django.db.models.BigAutoField"
