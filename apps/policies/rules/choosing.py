"""What can be picked in a form, and what it is called."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Pick(StrEnum):
    """What a policy picks things of."""

    PRINCIPALS = "principals"
    ACTIONS = "actions"
    RESOURCES = "resources"
    WINDOWS = "windows"
    LOCATIONS = "locations"


@dataclass(frozen=True)
class Choice:
    """A value, what it is called, and what tells it from others of that name."""

    value: str
    label: str
    note: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the JSON form."""
        return {"value": self.value, "label": self.label, "note": self.note}


def matches(text: str, *names: str) -> bool:
    """Say whether a name holds every word of what was typed."""
    joined = " ".join(names).casefold()
    return all(word in joined for word in text.casefold().split())
