"""Acts upon requests for approval."""

from apps.approvals.services.drift import alert_out_of_band
from apps.approvals.services.elevations import (
    end_elevation,
    extend_elevation,
    preview_elevation,
    request_elevation,
)
from apps.approvals.services.flows import remove_flow, save_flow, set_flow
from apps.approvals.services.linting import report_findings
from apps.approvals.services.requests import cancel_request, open_request
from apps.approvals.services.subjects import open_subject_request, request_assignment
from apps.approvals.services.tending import tend_request
from apps.approvals.services.votes import (
    Authenticator,
    begin_vote,
    cast_demo_vote,
    record_vote,
)

__all__ = [
    "Authenticator",
    "alert_out_of_band",
    "begin_vote",
    "cancel_request",
    "cast_demo_vote",
    "end_elevation",
    "extend_elevation",
    "open_request",
    "open_subject_request",
    "preview_elevation",
    "record_vote",
    "remove_flow",
    "report_findings",
    "request_assignment",
    "request_elevation",
    "save_flow",
    "set_flow",
    "tend_request",
]
