"""What would be: who gains or loses what, when, and how risky that is."""

from apps.simulation.rules.bars import bars_of
from apps.simulation.rules.changes import RecordChange, changed, input_digest, pairs
from apps.simulation.rules.document import (
    document_digest,
    impact_document,
    replay_document,
)
from apps.simulation.rules.levels import Level, Levels
from apps.simulation.rules.matrix import Difference, Matrix, Shift, Turn
from apps.simulation.rules.replay import Fate, Logged, Replay, Replayed
from apps.simulation.rules.risk import Risk, RiskLevel, level_of, risk_of
from apps.simulation.rules.strip import Stretch, Strip, strip

__all__ = [
    "Difference",
    "Fate",
    "Level",
    "Levels",
    "Logged",
    "Matrix",
    "RecordChange",
    "Replay",
    "Replayed",
    "Risk",
    "RiskLevel",
    "Shift",
    "Stretch",
    "Strip",
    "Turn",
    "bars_of",
    "changed",
    "document_digest",
    "impact_document",
    "input_digest",
    "level_of",
    "pairs",
    "replay_document",
    "risk_of",
    "strip",
]
