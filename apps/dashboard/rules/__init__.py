"""How figures become pictures, tables and sheets. Pure."""

from apps.dashboard.rules.access import Matrix, Permitted, matrix
from apps.dashboard.rules.chart import (
    Chart,
    Point,
    Tick,
    consistency_chart,
    percentile,
)
from apps.dashboard.rules.exports import LIMITS, Export, Origin, Target, export
from apps.dashboard.rules.sheets import (
    access_row,
    sheet,
    sheet_of_access,
    sheet_of_steps,
)
from apps.dashboard.rules.timeline import Timeline, timeline

__all__ = [
    "LIMITS",
    "Chart",
    "Export",
    "Matrix",
    "Origin",
    "Permitted",
    "Point",
    "Target",
    "Tick",
    "Timeline",
    "access_row",
    "consistency_chart",
    "export",
    "matrix",
    "percentile",
    "sheet",
    "sheet_of_access",
    "sheet_of_steps",
    "timeline",
]
