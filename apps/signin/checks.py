"""Say before going live that places will be unknown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004  # Django's name

from apps.signin.adapters import place_database_problem


@register(Tags.security, deploy=True)
def place_database_opens(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001  # the signature is Django's
    **_kwargs: Any,  # noqa: ANN401
) -> list[CheckMessage]:
    """Open the configured database of places as a sign-in would (W001)."""
    problem = place_database_problem()
    if not problem:
        return []
    return [
        Warning(
            f"The database of places cannot be read: {problem}",
            hint="Risk scores go without countries and travel until it is replaced.",
            id="signin.W001",
        )
    ]
