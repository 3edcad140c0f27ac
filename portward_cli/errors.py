"""What can go wrong between the command line and the portal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """What the process tells its caller."""

    DONE = 0
    FOUND = 1
    USAGE = 2
    UNREACHABLE = 3
    CHANGES = 4


@dataclass(frozen=True)
class Reason:
    """One thing that is wrong, where, and what to do."""

    code: str
    message: str
    field: str = ""
    remedy: str = ""


class CommandError(Exception):
    """A command cannot go on."""

    exit = Exit.USAGE

    def __init__(self, *reasons: Reason) -> None:
        self.reasons: Sequence[Reason] = reasons
        super().__init__("; ".join(reason.message for reason in reasons))


class UsageError(CommandError):
    """What was typed cannot be carried out."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(Reason("cli.usage", message, remedy=remedy))


class UnreachableError(CommandError):
    """The portal does not answer, or does not let the token in."""

    exit = Exit.UNREACHABLE


class RefusedError(CommandError):
    """The portal refused what was sent (RFC 9457)."""

    exit = Exit.FOUND


def refusal(status: int, problem: Mapping[str, Any]) -> CommandError:
    """Return the error for an answer with a problem document."""
    found = [
        _reason(one) for one in problem.get("errors") or [] if isinstance(one, dict)
    ]
    if not found:
        found = [_reason(problem)]
    kind = UnreachableError if status in {401, 403, 429, 503} else RefusedError
    return kind(*found)


def _reason(said: Mapping[str, Any]) -> Reason:
    message = said.get("message") or said.get("detail") or said.get("title")
    return Reason(
        code=str(said.get("code", "cli.refused")),
        message=str(message or "The portal refused without saying why."),
        field=str(said.get("field", "")),
        remedy=str(said.get("remedy", "")),
    )
