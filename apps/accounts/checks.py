"""Refuse to run in production with stand-ins for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from apps.accounts.models import Passkey

_HINT = "Software authenticators sign for whoever can read a file."


@register(Tags.security)
def check_settings(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001  # the signature is Django's
    **_kwargs: Any,  # noqa: ANN401
) -> list[CheckMessage]:
    """Find settings that allow software authenticators in production."""
    if _is_production() and settings.PORTWARD_ALLOW_DEMO_AUTHENTICATORS:
        return [
            Error(
                "PORTWARD_ALLOW_DEMO_AUTHENTICATORS is on in production.",
                hint=_HINT,
                id="accounts.E001",
            )
        ]
    return []


@register(Tags.database)
def check_passkeys(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001  # the signature is Django's
    databases: Sequence[str] | None = None,
    **_kwargs: Any,  # noqa: ANN401
) -> list[CheckMessage]:
    """Find passkeys of software authenticators in a production database."""
    if not databases or not _is_production():
        return []
    count = Passkey.objects.filter(is_demo=True).count()
    if not count:
        return []
    return [
        Error(
            f"{count} demo passkeys are registered in a production database.",
            hint=_HINT,
            id="accounts.E001",
        )
    ]


def _is_production() -> bool:
    return str(settings.PORTWARD_ENVIRONMENT) == "production"
