"""Decisions of approval: who may vote, what is signed, and whether a vote holds."""

from apps.approvals.rules.documents import (
    request_digest,
    request_document,
    vote_digest,
    vote_document,
)
from apps.approvals.rules.evidence import VoteEvidence, verify_vote
from apps.approvals.rules.quorum import (
    APPROVER_ROLE,
    DEFAULT_FLOW,
    Ballot,
    Flow,
    Outcome,
    Parties,
    Quorum,
    Reason,
    Stage,
    changed_fields,
    evaluate_quorum,
    may_vote,
    parse_flow,
    readable,
)
from apps.approvals.rules.subjects import (
    Subject,
    assignment_document,
    assignment_of,
    parse_subject,
    risk_of_tier,
)

__all__ = [
    "APPROVER_ROLE",
    "DEFAULT_FLOW",
    "Ballot",
    "Flow",
    "Outcome",
    "Parties",
    "Quorum",
    "Reason",
    "Stage",
    "Subject",
    "VoteEvidence",
    "assignment_document",
    "assignment_of",
    "changed_fields",
    "evaluate_quorum",
    "may_vote",
    "parse_flow",
    "parse_subject",
    "readable",
    "request_digest",
    "request_document",
    "risk_of_tier",
    "verify_vote",
    "vote_digest",
    "vote_document",
]
