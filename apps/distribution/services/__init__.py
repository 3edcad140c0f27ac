"""Record what nodes report and decide, and how the fleet stands."""

from apps.distribution.services.decisions import forget_decisions, record_decisions
from apps.distribution.services.reports import (
    KEEP_SAMPLES,
    ReceivedReport,
    announce_release,
    record_reports,
    sample_consistency,
)

__all__ = [
    "KEEP_SAMPLES",
    "ReceivedReport",
    "announce_release",
    "forget_decisions",
    "record_decisions",
    "record_reports",
    "sample_consistency",
]
