"""What the audit trail says about keys."""

from enum import StrEnum


class KeyAction(StrEnum):
    """Audit actions."""

    CREATED = "key.created"
    ACTIVATED = "key.activated"
    RETIRED = "key.retired"
