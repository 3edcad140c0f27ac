"""Why, who, what and what if, over REST."""

from apps.dashboard.api.access import (
    ActionSearch,
    ExplainDecision,
    ResourceSearch,
    SubjectSearch,
)
from apps.dashboard.api.exports import ExportDetail
from apps.dashboard.api.simulate import Simulate

__all__ = [
    "ActionSearch",
    "ExplainDecision",
    "ExportDetail",
    "ResourceSearch",
    "Simulate",
    "SubjectSearch",
]
