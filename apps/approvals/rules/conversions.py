"""Standing assignments of a role that become rights to ask for it. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from protocol.records import EntityRef

CONVERT = "convert"
# What one request names at most, so that people can read it.
MOST_CONVERTED = 200
_LONGEST_PURPOSE = 120


@dataclass(frozen=True)
class Held:
    """One standing assignment, and who holds it by which name."""

    assignment: uuid.UUID
    principal: EntityRef
    name: str
    scope: EntityRef | None = None


@dataclass(frozen=True)
class Conversion:
    """What somebody wants to turn: afterwards each may ask for `minutes` at a time."""

    role: str
    purpose: str
    minutes: int
    reason: str
    held: tuple[Held, ...] = ()


def conversion_document(spec: Conversion) -> dict[str, Any]:
    """Return a conversion as approvers sign it."""
    return {
        "role": spec.role,
        "scope": None,
        "purpose": spec.purpose,
        "minutes_at_most": str(spec.minutes),
        "reason": spec.reason,
        CONVERT: [_line(one) for one in spec.held],
    }


def is_conversion(document: Mapping[str, Any]) -> bool:
    """Say whether a document asks for a conversion, not for an assignment."""
    return CONVERT in document


def conversion_of(document: Mapping[str, Any]) -> Conversion:
    """Return the conversion that a signed document asks for."""
    return Conversion(
        role=document["role"],
        purpose=document["purpose"],
        minutes=int(document["minutes_at_most"]),
        reason=document["reason"],
        held=tuple(_held(one) for one in document[CONVERT]),
    )


def purpose_for(spec: Conversion, assignment: uuid.UUID) -> str:
    """Return the purpose of one holder's offer; several are told apart by name."""
    one = next(each for each in spec.held if each.assignment == assignment)
    if len(spec.held) == 1:
        return spec.purpose
    where = f" on {one.scope.id}" if one.scope else ""
    told = f" ({one.principal.id}{where})"[:_LONGEST_PURPOSE]
    return f"{spec.purpose[: _LONGEST_PURPOSE - len(told)]}{told}"


def people_of(held: Sequence[Held]) -> int:
    """Return how many different principals hold something."""
    return len({one.principal for one in held})


def _line(one: Held) -> dict[str, Any]:
    return {
        "name": one.name,
        "principal": one.principal.to_dict(),
        "where": one.scope.to_dict() if one.scope else "everywhere",
        "assignment": str(one.assignment),
    }


def _held(line: Mapping[str, Any]) -> Held:
    where = line["where"]
    return Held(
        uuid.UUID(line["assignment"]),
        EntityRef.from_dict(line["principal"]),
        line["name"],
        None if where == "everywhere" else EntityRef.from_dict(where),
    )
