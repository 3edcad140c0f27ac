"""Acts upon requests for approval."""

from apps.approvals.services.activation import cancel_activation
from apps.approvals.services.change_sets import (
    create_change_set,
    discard_change_set,
    edit_change_set,
    put_change,
    rebase_change,
    remove_change,
    schedule_change_set,
)
from apps.approvals.services.comments import (
    About,
    about_request,
    add_comment,
    delete_comment,
    edit_comment,
)
from apps.approvals.services.conversions import request_conversion
from apps.approvals.services.drift import alert_out_of_band
from apps.approvals.services.elevations import (
    end_elevation,
    extend_elevation,
    preview_elevation,
    request_elevation,
)
from apps.approvals.services.flows import remove_flow, save_flow, set_flow
from apps.approvals.services.linting import report_findings
from apps.approvals.services.rehearsing import stage_set
from apps.approvals.services.renewing import prove_change_set, prove_request
from apps.approvals.services.requests import cancel_request, open_request
from apps.approvals.services.subjects import open_subject_request, request_assignment
from apps.approvals.services.submitting import carry_out_set, submit_change_set
from apps.approvals.services.tending import tend_request
from apps.approvals.services.votes import (
    Authenticator,
    begin_vote,
    cast_demo_vote,
    record_vote,
)

__all__ = [
    "About",
    "Authenticator",
    "about_request",
    "add_comment",
    "alert_out_of_band",
    "begin_vote",
    "cancel_activation",
    "cancel_request",
    "carry_out_set",
    "cast_demo_vote",
    "create_change_set",
    "delete_comment",
    "discard_change_set",
    "edit_change_set",
    "edit_comment",
    "end_elevation",
    "extend_elevation",
    "open_request",
    "open_subject_request",
    "preview_elevation",
    "prove_change_set",
    "prove_request",
    "put_change",
    "rebase_change",
    "record_vote",
    "remove_change",
    "remove_flow",
    "report_findings",
    "request_assignment",
    "request_conversion",
    "request_elevation",
    "save_flow",
    "schedule_change_set",
    "set_flow",
    "stage_set",
    "submit_change_set",
    "tend_request",
]
