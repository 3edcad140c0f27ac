"""Say before going live that a draft is asked for which nobody speaks here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from apps.arap.choices import DRAFT


@register
def check_draft(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001  # the signature is Django's
    **_kwargs: Any,  # noqa: ANN401
) -> list[CheckMessage]:
    """Refuse a draft that is not spoken."""
    if settings.PORTWARD_AUTHZEN_ACCESS_REQUEST in {"", DRAFT}:
        return []
    return [
        Error(
            "PORTWARD_AUTHZEN_ACCESS_REQUEST names a draft that is not spoken here.",
            hint=f"Set it to {DRAFT}, or leave it empty.",
            id="arap.E001",
        )
    ]
