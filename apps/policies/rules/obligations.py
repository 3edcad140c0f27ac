"""What whoever enforces a permit must do besides.

AuthZEN Obligations profile, draft of 2026-07-03.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.policies.rules.problems import Problem, ProblemCode


@dataclass(frozen=True)
class Obligation:
    """One duty: its type and what it needs to know."""

    type: str
    properties: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"type": self.type, "properties": dict(self.properties)}


def parse_obligation(value: object, place: str) -> Obligation | Problem:
    """Parse the JSON form of an obligation, or say what is wrong with its shape."""
    match value:
        case {"type": str() as kind, "properties": dict() as properties, **rest}:
            if not rest:
                return Obligation(kind, properties)
        case _:
            pass
    return Problem(
        ProblemCode.FIELD_TYPE,
        place,
        f"“{place}” is not an obligation.",
        "Write a mapping with type and properties.",
    )
