"""Registration of the app with Django."""

from django.apps import AppConfig


class NodesConfig(AppConfig):
    """Machines that run the agent: enrolment, identity, groups."""

    name = "apps.nodes"
    default_auto_field = "django.db.models.BigAutoField"
