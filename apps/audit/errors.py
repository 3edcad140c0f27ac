"""Failures of the audit trail."""

from apps.core.errors import ConflictError


class ChainBrokenError(ConflictError):
    """The trail does not add up: a row was changed, removed or inserted."""

    code = "audit.chain_broken"
    default_message = "The audit trail has been tampered with."
    default_remedy = "Compare with a backup; treat the database as compromised."
