"""What the audit log and the outbox hear from this app."""

from __future__ import annotations

from enum import StrEnum


class PoliciesAction(StrEnum):
    """Audited acts upon policies."""

    DRAFT_CREATED = "draft.created"
    DRAFT_CHANGED = "draft.changed"
    VERSION_FROZEN = "version.frozen"


class PoliciesTopic(StrEnum):
    """Outbox topics."""

    VERSION_FROZEN = "policies.version_frozen"
