"""Decisions about elevations: what may be asked for, and the three clocks."""

from apps.elevations.rules.clocks import (
    ACTIVATION,
    PENDING,
    Clocks,
    access_times,
    check_activation,
    deadline,
    state_at,
    warns_at,
)
from apps.elevations.rules.requests import (
    CEILING_MINUTES,
    ElevationSpec,
    EligibilitySpec,
    Terms,
    check_eligibility,
    check_request,
    default_minutes,
    may_end,
)

__all__ = [
    "ACTIVATION",
    "CEILING_MINUTES",
    "PENDING",
    "Clocks",
    "ElevationSpec",
    "EligibilitySpec",
    "Terms",
    "access_times",
    "check_activation",
    "check_eligibility",
    "check_request",
    "deadline",
    "default_minutes",
    "may_end",
    "state_at",
    "warns_at",
]
