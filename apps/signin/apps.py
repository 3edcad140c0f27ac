"""Configuration of the app."""

from __future__ import annotations

from django.apps import AppConfig


class SigninConfig(AppConfig):
    """Configuration of `apps.signin`."""

    name = "apps.signin"
    verbose_name = "Sign-in"
