"""What the audit log and the outbox hear from this app."""

from __future__ import annotations

from enum import StrEnum


class PoliciesAction(StrEnum):
    """Audited acts upon policies."""

    DRAFT_CREATED = "draft.created"
    DRAFT_CHANGED = "draft.changed"
    DRAFT_DISCARDED = "draft.discarded"
    VERSION_FROZEN = "version.frozen"
    VERSION_ROLLED_BACK = "version.rolled_back"
    POLICY_SUSPENDED = "policy.suspended"
    POLICY_RESUMED = "policy.resumed"
    POLICY_RETIRED = "policy.retired"
    END_DECIDED = "policy.end_decided"


class PoliciesTopic(StrEnum):
    """Outbox topics."""

    VERSION_FROZEN = "policies.version_frozen"
    STATE_CHANGED = "policies.state_changed"
