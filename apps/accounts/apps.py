"""Registration of the app with Django."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users, memberships, passkeys and sign-in ceremonies."""

    name = "apps.accounts"
    default_auto_field = "django.db.models.BigAutoField"
