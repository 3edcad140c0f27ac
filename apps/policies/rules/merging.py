"""Two people changed the same draft: what each of them changed, and one of both."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Side(StrEnum):
    """Whose state of a field is kept."""

    MINE = "mine"
    THEIRS = "theirs"


@dataclass(frozen=True)
class FieldChange:
    """A field that is not the same for both, and what it was before."""

    name: str
    base: tuple[str, ...]
    mine: tuple[str, ...]
    theirs: tuple[str, ...]

    @property
    def is_contested(self) -> bool:
        """Say whether both changed it."""
        return self.base not in (self.mine, self.theirs)

    @property
    def suggested(self) -> Side:
        """Return the side that changed it; mine where both did."""
        return Side.THEIRS if self.mine == self.base else Side.MINE

    @property
    def label(self) -> str:
        """Return what people call the field."""
        return self.name.replace("_", " ").capitalize()


def three_way(
    base: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any]
) -> tuple[FieldChange, ...]:
    """Return every field in which two contents differ; what is not set is empty."""
    found = []
    for name in dict.fromkeys([*theirs, *mine]):
        if (mine.get(name) or None) != (theirs.get(name) or None):
            states = [_lines(state.get(name)) for state in (base, mine, theirs)]
            found.append(FieldChange(name, *states))
    return tuple(found)


def changed_by(base: Mapping[str, Any], theirs: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the fields that somebody changed."""
    return tuple(
        name
        for name in dict.fromkeys([*theirs, *base])
        if (base.get(name) or None) != (theirs.get(name) or None)
    )


def merged(
    mine: Mapping[str, Any], theirs: Mapping[str, Any], taken: Collection[str]
) -> dict[str, Any]:
    """Return my content with those fields of theirs that are taken."""
    found = {name: value for name, value in mine.items() if name not in taken}
    return found | {name: theirs[name] for name in taken if name in theirs}


def _lines(value: object) -> tuple[str, ...]:
    """Return a value as lines that people can compare."""
    if isinstance(value, list):
        return tuple(_line(one) for one in value)
    return tuple(_line(value).splitlines()) if value else ()


def _line(value: object) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    match value:
        case {"type": kind, "id": key}:
            return f"{kind} {key}"
        case {"type": kind} if len(value) == 1:
            return f"every {kind}"
        case {"attribute": attribute, "op": op, "value": operand}:
            return f"{attribute} {op} {operand}"
        case _:
            return ", ".join(f"{name} {one}" for name, one in value.items())
