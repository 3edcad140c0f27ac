"""What programs do for people who ask for something."""

from apps.approvals.api.elevations import (
    ElevationActivate,
    ElevationDetail,
    ElevationEnd,
    ElevationExtend,
    ElevationList,
    EligibilityList,
)

__all__ = [
    "ElevationActivate",
    "ElevationDetail",
    "ElevationEnd",
    "ElevationExtend",
    "ElevationList",
    "EligibilityList",
]
