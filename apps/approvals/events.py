"""Facts that approval leaves in the audit trail."""

from enum import StrEnum


class AuditAction(StrEnum):
    """What happened to a request. A retired value is never reused."""

    REQUEST_OPENED = "approvals.request_opened"
    VOTE_RECORDED = "approvals.vote_recorded"
    REQUEST_APPROVED = "approvals.request_approved"
    REQUEST_DENIED = "approvals.request_denied"
    REQUEST_CANCELLED = "approvals.request_cancelled"
    REQUEST_EXPIRED = "approvals.request_expired"
    FLOW_CHANGED = "approvals.flow_changed"
    VOTES_VOIDED = "approvals.votes_voided"
    STAGE_REACHED = "approvals.stage_reached"
    REQUEST_ESCALATED = "approvals.request_escalated"
    ASSIGNMENT_OUT_OF_BAND = "approvals.assignment_out_of_band"
