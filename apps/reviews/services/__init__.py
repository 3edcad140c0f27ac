"""Run campaigns: ask, decide, apply."""

from apps.reviews.services.campaigns import save_campaign
from apps.reviews.services.decisions import decide
from apps.reviews.services.runs import (
    apply_run,
    cancel_run,
    close_due,
    open_due,
    open_run,
    remind,
)

__all__ = [
    "apply_run",
    "cancel_run",
    "close_due",
    "decide",
    "open_due",
    "open_run",
    "remind",
    "save_campaign",
]
