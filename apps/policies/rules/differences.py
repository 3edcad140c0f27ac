"""What changed between two contents of a policy, field by field and in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_LABELS = {
    "effective_from": "In force from",
    "effective_until": "In force until",
    "review_on": "Review on",
    "cedar": "Cedar",
}


@dataclass(frozen=True)
class FieldChange:
    """A field and what it says before and after; empty is unset."""

    field: str
    before: Any
    after: Any

    @property
    def label(self) -> str:
        """Return what people call the field."""
        return _LABELS.get(self.field, self.field.replace("_", " ").capitalize())

    @property
    def removed(self) -> list[str]:
        """Return the items that only the older content has."""
        return [text for text in _texts(self.before) if text not in _texts(self.after)]

    @property
    def added(self) -> list[str]:
        """Return the items that only the newer content has."""
        return [text for text in _texts(self.after) if text not in _texts(self.before)]


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[FieldChange, ...]:
    """Return the fields that say something else, in the order of the content."""
    names = dict.fromkeys([*after, *before])
    return tuple(
        FieldChange(name, before.get(name), after.get(name))
        for name in names
        if (before.get(name) or None) != (after.get(name) or None)
    )


def _texts(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [_text(item) for item in items if item not in (None, "")]


def _text(value: object) -> str:
    match value:
        case {"type": kind, "id": ident, **_rest}:
            return f"{kind} {ident}"
        case {"attribute": attribute, "op": op, "value": operand}:
            return f"{attribute} {op} {operand}"
        case {"type": kind, "properties": dict(known)}:
            told = ", ".join(f"{name} {known[name]}" for name in known)
            return f"{kind} ({told})" if told else str(kind)
        case {"type": kind}:
            return f"every {kind}"
        case {"name": name, **_rest}:
            return str(name)
        case _:
            return str(value)
