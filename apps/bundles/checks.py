"""Deploy checks that look at stored truth again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError

from apps.bundles import selectors
from apps.tenants.selectors import tenants
from apps.tenants.services import tenant_scope
from protocol.errors import ProtocolError


@register(Tags.database, deploy=True)
def newest_releases_verify(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001  # Django's signature
    databases: Sequence[str] | None = None,
    **_options: Any,  # noqa: ANN401  # Django's signature
) -> list[CheckMessage]:
    """Verify the newest signed release of every tenant as a node would (E001)."""
    if not databases:
        return []
    try:
        return [
            problem
            for tenant in tenants()
            for problem in _problems(tenant.pk, str(tenant))
        ]
    except DatabaseError as error:
        return [Error(f"Releases cannot be read: {error}", id="bundles.E001")]


def _problems(tenant_id: Any, name: str) -> list[CheckMessage]:  # noqa: ANN401
    with tenant_scope(tenant_id):
        try:
            selectors.verify_newest()
        except ProtocolError as error:
            return [
                Error(
                    f"The newest release of {name} does not verify: {error.message}",
                    hint="Nodes refuse it too. Compare the database with a backup.",
                    id="bundles.E001",
                )
            ]
    return []
