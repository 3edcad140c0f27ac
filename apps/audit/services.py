"""Append to the audit log."""

from __future__ import annotations

import logging
from typing import Any

from apps.audit.events import Actor

logger = logging.getLogger(__name__)


def append(
    *,
    actor: Actor,
    action: str,
    target_type: str,
    target_id: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    context: dict[str, Any] | None = None,
) -> None:
    """Note what happened."""
    logger.info(
        "%s %s %s %s %s",
        action,
        target_type,
        target_id,
        actor.name,
        (before, after, context),
    )
