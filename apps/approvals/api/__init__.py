"""What programs do for people who ask for something."""

from apps.approvals.api.changes import (
    ChangeDetail,
    ChangeList,
    ChangeSetComments,
    ChangeSetDetail,
    ChangeSetList,
    ChangeSetSubmit,
    CommentDetail,
    RequestComments,
)
from apps.approvals.api.elevations import (
    ElevationActivate,
    ElevationDetail,
    ElevationEnd,
    ElevationExtend,
    ElevationList,
    EligibilityList,
)
from apps.approvals.api.evidence import (
    ChangeSetEvidence,
    RequestCallOff,
    RequestEvidence,
)
from apps.approvals.api.keys import KeyList
from apps.approvals.api.requests import (
    FlowDetail,
    FlowList,
    RequestCancel,
    RequestDetail,
    RequestList,
    VoteList,
    VoteOptions,
)

__all__ = [
    "ChangeDetail",
    "ChangeList",
    "ChangeSetComments",
    "ChangeSetDetail",
    "ChangeSetEvidence",
    "ChangeSetList",
    "ChangeSetSubmit",
    "CommentDetail",
    "ElevationActivate",
    "ElevationDetail",
    "ElevationEnd",
    "ElevationExtend",
    "ElevationList",
    "EligibilityList",
    "FlowDetail",
    "FlowList",
    "KeyList",
    "RequestCallOff",
    "RequestCancel",
    "RequestComments",
    "RequestDetail",
    "RequestEvidence",
    "RequestList",
    "VoteList",
    "VoteOptions",
]
