"""Who acts, as the audit trail remembers it."""

from __future__ import annotations

import re
from dataclasses import dataclass

ACTION = re.compile(r"[a-z_]+\.[a-z_]+")
KINDS = ("user", "system", "node", "command")


@dataclass(frozen=True)
class Actor:
    """Whoever acts. Copied into the trail, so that deleting a user rewrites nothing.

    `kind` is one of user, system, node, command; `credential` names the key or token
    that was used, where one was.
    """

    kind: str
    id: str
    name: str
    credential: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS or not self.id or not self.name:
            raise ValueError("an actor has a known kind, an id and a name")

    @classmethod
    def system(cls, name: str) -> Actor:
        """Return the actor for work that nobody in person asked for."""
        return cls("system", name, name)

    @classmethod
    def command(cls, name: str) -> Actor:
        """Return the actor for a command that an operator ran on the host."""
        return cls("command", name, name)
