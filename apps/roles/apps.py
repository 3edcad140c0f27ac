"""Registration of the app with Django."""

from django.apps import AppConfig


class RolesConfig(AppConfig):
    """Principals, resources, permissions, roles and assignments."""

    name = "apps.roles"
    default_auto_field = "django.db.models.BigAutoField"
