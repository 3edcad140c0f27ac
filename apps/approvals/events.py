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
    CHANGE_SET_CREATED = "approvals.change_set_created"
    CHANGE_SET_CHANGED = "approvals.change_set_changed"
    CHANGE_SET_DISCARDED = "approvals.change_set_discarded"
    CHANGE_SET_CARRIED_OUT = "approvals.change_set_carried_out"
    CHANGE_ADDED = "approvals.change_added"
    CHANGE_REMOVED = "approvals.change_removed"
    COMMENTED = "approvals.commented"
    COMMENT_EDITED = "approvals.comment_edited"
    COMMENT_DELETED = "approvals.comment_deleted"
    ACTIVATION_CANCELLED = "approvals.activation_cancelled"
