"""Configuration of the app."""

from __future__ import annotations

from django.apps import AppConfig


class DelegationsConfig(AppConfig):
    """Configuration of `apps.delegations`."""

    name = "apps.delegations"
    verbose_name = "Delegations"
