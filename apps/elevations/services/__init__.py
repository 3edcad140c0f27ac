"""Acts upon eligibilities and elevations."""

from apps.elevations.services.eligibilities import remove_eligibility, save_eligibility
from apps.elevations.services.lifecycle import (
    activate,
    approve,
    attach_request,
    cancel,
    deny,
    end,
    expire,
    prepare,
    settle,
    take_warnings,
)

__all__ = [
    "activate",
    "approve",
    "attach_request",
    "cancel",
    "deny",
    "end",
    "expire",
    "prepare",
    "remove_eligibility",
    "save_eligibility",
    "settle",
    "take_warnings",
]
