"""What conditions may ask for: attributes, their types and operators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

PRINCIPAL_TYPES = ("User", "Service")
ROLE_TYPE = "Role"
GROUP_TYPE = "ResourceGroup"
ACTION_TYPE = "Action"


class AttributeType(StrEnum):
    """Types that an attribute may have."""

    STRING = "string"
    LONG = "long"
    BOOL = "bool"
    STRINGS = "strings"


CONTEXT_ATTRIBUTES: Mapping[str, AttributeType] = {
    "mfa": AttributeType.LONG,
    "risk": AttributeType.LONG,
    "country": AttributeType.STRING,
    "city": AttributeType.STRING,
    "method": AttributeType.STRING,
    "path": AttributeType.STRING,
    "ticket": AttributeType.STRING,
    "device.trusted": AttributeType.BOOL,
}
# What numbers can be: Cedar's own range, and narrower where the meaning is.
LONG_RANGE = (-(2**63), 2**63 - 1)
CONTEXT_RANGES: Mapping[str, tuple[int, int]] = {
    "risk": (0, 100),
    "mfa_age": (0, LONG_RANGE[1]),
}
OPERATORS: Mapping[AttributeType, tuple[str, ...]] = {
    AttributeType.LONG: ("==", "!=", "<", "<=", ">", ">="),
    AttributeType.STRING: ("==", "!=", "in", "starts_with"),
    AttributeType.BOOL: ("==",),
    AttributeType.STRINGS: ("contains",),
}


@dataclass(frozen=True)
class Attribute:
    """A registered attribute of principals or resources.

    With `values`, it has one of these and nothing else may be asked for.
    """

    owner: str
    name: str
    type: AttributeType
    values: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """Return what stands for its owner in Cedar."""
        return "principal" if self.owner in PRINCIPAL_TYPES else "resource"

    @property
    def path(self) -> str:
        """Return how a condition names it: principal.x or resource.x."""
        return f"{self.variable}.{self.name}"
