"""What approval keeps: flows, requests, votes, sets of changes and what is said."""

from apps.approvals.models.changes import ChangeItem, ChangeSet, Comment
from apps.approvals.models.requests import (
    ApprovalFlow,
    ApprovalRequest,
    LinterReport,
    OutOfBandAlert,
    RequestItem,
    Vote,
)

__all__ = [
    "ApprovalFlow",
    "ApprovalRequest",
    "ChangeItem",
    "ChangeSet",
    "Comment",
    "LinterReport",
    "OutOfBandAlert",
    "RequestItem",
    "Vote",
]
