"""Acts upon requests for approval."""

from apps.approvals.services.requests import (
    Authenticator,
    begin_vote,
    cancel_request,
    cast_demo_vote,
    open_request,
    record_vote,
    set_flow,
)

__all__ = [
    "Authenticator",
    "begin_vote",
    "cancel_request",
    "cast_demo_vote",
    "open_request",
    "record_vote",
    "set_flow",
]
