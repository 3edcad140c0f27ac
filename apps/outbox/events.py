"""What the audit trail says about messages."""

from enum import StrEnum


class OutboxAction(StrEnum):
    """Audit actions."""

    RETRIED = "outbox.retried"
