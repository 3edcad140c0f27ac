"""Questions about what is in force, and about what would be."""

from __future__ import annotations

from apps.simulation.selectors.worlds import (
    World,
    live_records,
    live_world,
    world_of,
)

__all__ = ["World", "live_records", "live_world", "world_of"]
