"""What the audit trail and the outbox say about nodes."""

from enum import StrEnum


class NodeAction(StrEnum):
    """Audit actions."""

    TOKEN_CREATED = "node.token_created"  # noqa: S105  # the name of an action
    ENROLLED = "node.enrolled"
    REVOKED = "node.revoked"


class NodeTopic(StrEnum):
    """Outbox topics; the payload is {"node": id}."""

    CHANGED = "nodes.changed"
