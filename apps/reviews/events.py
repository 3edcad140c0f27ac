"""What the app writes into the audit log and tells people. No value is used again."""

from __future__ import annotations

from enum import StrEnum


class ReviewsAction(StrEnum):
    """Audited acts."""

    CAMPAIGN_CREATED = "review.campaign_created"
    CAMPAIGN_CHANGED = "review.campaign_changed"
    OPENED = "review.opened"
    DECIDED = "review.decided"
    HELD = "review.held"
    APPLIED = "review.applied"
    CANCELLED = "review.cancelled"


class Notice(StrEnum):
    """Events that people are told of."""

    OPENED = "review.opened"
    REMINDER = "review.reminder"
