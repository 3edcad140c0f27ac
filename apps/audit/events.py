"""Who acts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """Whoever does something: copied into history, never referenced from it."""

    kind: str
    id: str
    name: str
    credential: str = ""

    @classmethod
    def system(cls, name: str) -> Actor:
        """Return a part of the portal as the actor."""
        return cls(kind="system", id=name, name=name)
