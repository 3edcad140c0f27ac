"""Configuration of the app."""

from __future__ import annotations

from django.apps import AppConfig


class ReviewsConfig(AppConfig):
    """Configuration of `apps.reviews`."""

    name = "apps.reviews"
    verbose_name = "Access reviews"
