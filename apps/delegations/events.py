"""What the app writes into the audit log and tells people. No value is used again."""

from __future__ import annotations

from enum import StrEnum


class DelegationsAction(StrEnum):
    """Audited acts."""

    OFFERED = "delegation.offered"
    ACCEPTED = "delegation.accepted"
    DECLINED = "delegation.declined"
    REVOKED = "delegation.revoked"
    POLICY_CHANGED = "delegation.policy_changed"
    ABSENCE_OFFERED = "absence.offered"
    ABSENCE_ACCEPTED = "absence.accepted"
    ABSENCE_DECLINED = "absence.declined"
    ABSENCE_ENDED = "absence.ended"


class Notice(StrEnum):
    """Events that people are told of."""

    OFFERED = "delegation.offered"
    ACCEPTED = "delegation.accepted"
    ENDED = "delegation.ended"
