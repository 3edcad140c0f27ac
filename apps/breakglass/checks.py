"""Say before going live that an emergency would not find a tenant ready."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004  # Django's name
from django.db import DatabaseError

from apps.breakglass import selectors
from apps.breakglass.rules import DRILL_EVERY, WANTED_ACCOUNTS
from apps.tenants.selectors import tenants
from apps.tenants.services import tenant_scope


@register(Tags.database, deploy=True)
def tenants_are_ready(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001  # the signature is Django's
    databases: Sequence[str] | None = None,
    **_kwargs: Any,  # noqa: ANN401
) -> list[CheckMessage]:
    """Ask every tenant for two usable accounts (W001) and recent drills (W002)."""
    if not databases:
        return []
    try:
        return [problem for row in tenants() for problem in _problems(row.pk, str(row))]
    except DatabaseError as error:
        return [
            Error(f"Break-glass accounts cannot be read: {error}", id="breakglass.E001")
        ]


def _problems(tenant_id: Any, name: str) -> Iterator[CheckMessage]:  # noqa: ANN401
    with tenant_scope(tenant_id):
        duties = selectors.duties()
    if duties.missing:
        yield Warning(
            f"{name} lacks {duties.missing} usable break-glass accounts.",
            hint=f"Seal {WANTED_ACCOUNTS}, with hardware keys in two safes.",
            id="breakglass.W001",
        )
    for account in duties.drills:
        yield Warning(
            f"The break-glass account {account} of {name} was not tried out for "
            f"{DRILL_EVERY.days} days.",
            hint="Run manage.py break_glass_drill.",
            id="breakglass.W002",
        )
