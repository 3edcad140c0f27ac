"""What the audit trail says about distribution."""

from enum import StrEnum


class DistributionAction(StrEnum):
    """Audit actions."""

    RECEIPT_REPLAYED = "distribution.receipt_replayed"
    NODE_FAILED = "distribution.node_failed"
    NODE_RECOVERED = "distribution.node_recovered"
