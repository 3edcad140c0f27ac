"""Questions about what is in force, and about what would be."""

from __future__ import annotations

from apps.simulation.selectors.evidence import (
    NOT_YET,
    Comparison,
    base_digest,
    change_of_draft,
    change_world,
    changes_from,
    comparison,
    evidence,
    evidence_by_id,
    evidence_for,
    impact,
    is_fresh,
)
from apps.simulation.selectors.worlds import (
    World,
    live_records,
    live_world,
    world_after,
    world_of,
)

__all__ = [
    "NOT_YET",
    "Comparison",
    "World",
    "base_digest",
    "change_of_draft",
    "change_world",
    "changes_from",
    "comparison",
    "evidence",
    "evidence_by_id",
    "evidence_for",
    "impact",
    "is_fresh",
    "live_records",
    "live_world",
    "world_after",
    "world_of",
]
