"""Questions about requests and votes, inside the scope that is open."""

from apps.approvals.selectors.changes import (
    ItemChange,
    Proposal,
    changes_of,
    lock_drafts,
    proposals,
    sentence_of,
)
from apps.approvals.selectors.evidence import certificates, evidence_of, votes
from apps.approvals.selectors.people import (
    SECURITY_ADMIN,
    name_of,
    possible_voters,
    roles_of,
    roles_of_actor,
)
from apps.approvals.selectors.requests import (
    counters,
    flow_of,
    lock_request,
    parties_of,
    quorum_of,
    refusal_for,
    request_by_id,
    requests,
    stage_of,
)
from apps.approvals.selectors.subjects import (
    FlowPreview,
    StagePreview,
    blast_radius,
    preview,
    preview_subject,
    principal_named,
    role_named,
)

__all__ = [
    "SECURITY_ADMIN",
    "FlowPreview",
    "ItemChange",
    "Proposal",
    "StagePreview",
    "blast_radius",
    "certificates",
    "changes_of",
    "counters",
    "evidence_of",
    "flow_of",
    "lock_drafts",
    "lock_request",
    "name_of",
    "parties_of",
    "possible_voters",
    "preview",
    "preview_subject",
    "principal_named",
    "proposals",
    "quorum_of",
    "refusal_for",
    "request_by_id",
    "requests",
    "role_named",
    "roles_of",
    "roles_of_actor",
    "sentence_of",
    "stage_of",
    "votes",
]
