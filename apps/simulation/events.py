"""What the app writes into audit log and outbox. A value is never used again."""

from __future__ import annotations

from enum import StrEnum


class SimulationAction(StrEnum):
    """Audited acts."""

    EVIDENCE_REQUESTED = "simulation.evidence_requested"
    EVIDENCE_COMPUTED = "simulation.evidence_computed"
    EVIDENCE_FAILED = "simulation.evidence_failed"


class Topic(StrEnum):
    """Outbox topics."""

    EVIDENCE = "simulation.evidence"
