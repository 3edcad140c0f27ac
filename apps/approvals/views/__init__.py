"""Pages of people who ask for something."""

from apps.approvals.views.elevations import (
    activate,
    cancel,
    current,
    detail,
    end,
    extend,
    home,
    live,
    request_access,
    state,
)

__all__ = [
    "activate",
    "cancel",
    "current",
    "detail",
    "end",
    "extend",
    "home",
    "live",
    "request_access",
    "state",
]
