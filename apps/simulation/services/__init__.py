"""Acts of simulation: ask for evidence, compute it, name where decisions are logged."""

from apps.simulation.services.checks import Checks, checks_of
from apps.simulation.services.decisions import (
    MOST_QUESTIONS,
    Log,
    register_decisions,
)
from apps.simulation.services.evidence import (
    compute,
    compute_again,
    note_failure,
    note_progress,
    request_evidence,
)

__all__ = [
    "MOST_QUESTIONS",
    "Checks",
    "Log",
    "checks_of",
    "compute",
    "compute_again",
    "note_failure",
    "note_progress",
    "register_decisions",
    "request_evidence",
]
