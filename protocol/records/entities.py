"""Entities, and the statements and permissions that name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from protocol.errors import RecordError
from protocol.records import values


@dataclass(frozen=True, order=True)
class EntityRef:
    """A Cedar entity: its type and id."""

    type: str
    id: str

    def to_dict(self) -> dict[str, str]:
        """Return the JSON form."""
        return {"type": self.type, "id": self.id}

    @classmethod
    def from_dict(cls, value: object, field: str = "entity") -> EntityRef:
        """Parse the JSON form or raise RecordError."""
        fields = values.fields(value, field, ("type", "id"))
        return cls(
            values.identifier(fields["type"], f"{field}.type"),
            values.text(fields["id"], f"{field}.id"),
        )

    @override
    def __str__(self) -> str:
        return f'{self.type}::"{self.id}"'


@dataclass(frozen=True)
class Head:
    """One constraint in the head of a Cedar statement; `op` "any" constrains nothing.

    Operators: any, == (type, id), in (type, id), is (type), is_in (type in_type in_id);
    for actions == (id) and in (ids).
    """

    op: str = "any"
    type: str = ""
    id: str = ""
    in_type: str = ""
    in_id: str = ""
    ids: tuple[str, ...] = ()

    def to_json(self) -> list[Any] | None:
        """Return the tagged list of the wire form."""
        match self.op:
            case "any":
                return None
            case "is":
                return ["is", self.type]
            case "is_in":
                return ["is_in", self.type, self.in_type, self.in_id]
            case "in" if self.ids:
                return ["in", list(self.ids)]
            case "==" if not self.type:
                return ["==", self.id]
            case _:
                return [self.op, self.type, self.id]

    @classmethod
    def entity(cls, value: object, field: str) -> Head:
        """Parse a principal or resource constraint."""
        match value:
            case None:
                return cls()
            case ["==" | "in" as op, str(kind), str(ident)]:
                return cls(
                    op, values.identifier(kind, field), values.text(ident, field)
                )
            case ["is", str(kind)]:
                return cls("is", values.identifier(kind, field))
            case ["is_in", str(kind), str(in_kind), str(in_id)]:
                return cls(
                    "is_in",
                    values.identifier(kind, field),
                    in_type=values.identifier(in_kind, field),
                    in_id=values.text(in_id, field),
                )
            case _:
                raise RecordError(f"{field}: not a head constraint", field=field)

    @classmethod
    def action(cls, value: object, field: str) -> Head:
        """Parse an action constraint."""
        match value:
            case None:
                return cls()
            case ["==", str(ident)]:
                return cls("==", id=values.text(ident, field))
            case ["in", [*idents]] if idents:
                return cls("in", ids=tuple(values.text(i, field) for i in idents))
            case _:
                raise RecordError(f"{field}: not an action constraint", field=field)


@dataclass(frozen=True)
class Statement:
    """One Cedar policy text with the constraints of its head."""

    id: str
    cedar: str
    principal: Head
    action: Head
    resource: Head

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "id": self.id,
            "cedar": self.cedar,
            "principal": self.principal.to_json(),
            "action": self.action.to_json(),
            "resource": self.resource.to_json(),
        }

    @classmethod
    def from_dict(cls, value: object, field: str) -> Statement:
        """Parse the JSON form or raise RecordError."""
        names = ("id", "cedar", "principal", "action", "resource")
        f = values.fields(value, field, names)
        return cls(
            id=values.text(f["id"], f"{field}.id"),
            cedar=values.text(f["cedar"], f"{field}.cedar", 65_536),
            principal=Head.entity(f["principal"], f"{field}.principal"),
            action=Head.action(f["action"], f"{field}.action"),
            resource=Head.entity(f["resource"], f"{field}.resource"),
        )


@dataclass(frozen=True)
class Permission:
    """An action on a type of resource."""

    action: str
    resource_type: str

    def to_dict(self) -> dict[str, str]:
        """Return the JSON form."""
        return {"action": self.action, "resource_type": self.resource_type}
