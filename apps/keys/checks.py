"""Say before going live that file keys protect from nobody who is root."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004  # Django's name

from apps.keys.adapters import FileKeyStore, get_key_store


@register(Tags.security, deploy=True)
def check_key_store(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001  # the signature is Django's
    **_kwargs: Any,  # noqa: ANN401
) -> list[CheckMessage]:
    """Warn when signing keys lie in files."""
    if not isinstance(get_key_store(), FileKeyStore):
        return []
    return [
        Warning(
            "Signing keys lie in files: whoever is root on this host can sign.",
            hint="Use a hardware key store where a policy must not be forged.",
            id="keys.W001",
        )
    ]
