"""What the app writes into the audit log. A retired value is never used again."""

from __future__ import annotations

from enum import StrEnum


class ClientsAction(StrEnum):
    """Audit actions about clients and the tokens that they are given."""

    CREATED = "clients.created"
    CHANGED = "clients.changed"
    KEYS_CHANGED = "clients.keys_changed"
    SUSPENDED = "clients.suspended"
    RESUMED = "clients.resumed"
    DELETED = "clients.deleted"
    TOKEN_ISSUED = "clients.token_issued"  # noqa: S105  # an action
    TOKEN_REVOKED = "clients.token_revoked"  # noqa: S105  # an action
