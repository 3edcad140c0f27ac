"""Say before going live that a header is believed which anybody could send."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security)
def check_certificate_header(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001  # the signature is Django's
    **_kwargs: Any,  # noqa: ANN401
) -> list[CheckMessage]:
    """Refuse a header for certificates where no proxy stands that sets it."""
    if settings.PORTWARD_CLIENT_CERT_HEADER and not settings.PORTWARD_TRUSTED_PROXIES:
        return [
            Error(
                "PORTWARD_CLIENT_CERT_HEADER is set, but no proxy is trusted.",
                hint="Set PORTWARD_TRUSTED_PROXIES, or leave the header empty.",
                id="clients.E001",
            )
        ]
    return []
