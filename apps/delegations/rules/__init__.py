"""Decisions about what may be lent, by whom, for how long, and what a vote counts for.

Pure: the time and all that is known are arguments.
"""

from apps.delegations.rules.loans import (
    LONGEST,
    LONGEST_ABSENCE,
    MOST_DAYS,
    MOST_DEPTH,
    Holding,
    Limits,
    Offer,
    Place,
    Times,
    check_limits,
    check_reason,
    check_times,
    lendable_roles,
    source_of,
    state_at,
)
from apps.delegations.rules.standins import Seat, Votes, seat_of

__all__ = [
    "LONGEST",
    "LONGEST_ABSENCE",
    "MOST_DAYS",
    "MOST_DEPTH",
    "Holding",
    "Limits",
    "Offer",
    "Place",
    "Seat",
    "Times",
    "Votes",
    "check_limits",
    "check_reason",
    "check_times",
    "lendable_roles",
    "seat_of",
    "source_of",
    "state_at",
]
