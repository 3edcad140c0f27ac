"""Policies, their versions, their tests and what is done to them, over REST."""

from apps.policies.api.acts import (
    PolicyEnd,
    PolicyResume,
    PolicyRetire,
    PolicyRollback,
    PolicySuspend,
)
from apps.policies.api.policies import (
    PolicyDetail,
    PolicyList,
    VersionDetail,
    VersionList,
)
from apps.policies.api.testing import RunTests

__all__ = [
    "PolicyDetail",
    "PolicyEnd",
    "PolicyList",
    "PolicyResume",
    "PolicyRetire",
    "PolicyRollback",
    "PolicySuspend",
    "RunTests",
    "VersionDetail",
    "VersionList",
]
