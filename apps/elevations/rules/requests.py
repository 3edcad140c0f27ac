"""What may be asked for, by whom, for how long, and who may end it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from apps.elevations.errors import (
    EligibilityInvalidError,
    MinutesInvalidError,
    ReasonMissingError,
    TicketInvalidError,
)

# Ceilings, not defaults: no setting and no approval goes beyond them.
CEILING_MINUTES: Mapping[str, int] = {"read_only": 120, "operator": 30, "admin": 10}
_DEFAULT_SHARE = 0.5
SHORTEST_REASON = 10
LONGEST_REASON = 500
LONGEST_TICKET = 64
_LONGEST_PURPOSE = 120
_LONGEST_PATTERN = 100
_MOST_REPEATS = 3
_REPEATS = re.compile(r"[+?]|\{")
# Literals, \d, character sets and repetition: nothing that could take long to match.
_SAFE_PATTERN = re.compile(
    r"(?:[A-Za-z0-9_#/ -]|\\d|\[[A-Za-z0-9_-]+\]|[+?]|\{\d{1,2}(?:,\d{1,2})?\})+"
)


@dataclass(frozen=True)
class EligibilitySpec:
    """What somebody wants to offer. Exactly one of `principal`, `group`, `holders`."""

    purpose: str
    role: uuid.UUID
    max_minutes: int
    principal: uuid.UUID | None = None
    group: uuid.UUID | None = None
    holders: uuid.UUID | None = None
    scope: uuid.UUID | None = None
    ticket_pattern: str = ""
    is_active: bool = True


@dataclass(frozen=True)
class ElevationSpec:
    """What a person asks for. `extends` names the elevation that it continues."""

    eligibility: uuid.UUID
    minutes: int
    reason: str
    ticket: str = ""
    extends: uuid.UUID | None = None


@dataclass(frozen=True)
class Terms:
    """The limits of one thing that may be asked for."""

    tier: str
    max_minutes: int
    ticket_pattern: str = ""

    @property
    def longest(self) -> int:
        """Return how many minutes may be asked for; an unknown tier has none."""
        return min(self.max_minutes, CEILING_MINUTES.get(self.tier, 0))


def check_eligibility(spec: EligibilitySpec, tier: str) -> None:
    """Raise EligibilityInvalidError unless this may be offered."""
    if not 0 < len(spec.purpose.strip()) <= _LONGEST_PURPOSE:
        raise EligibilityInvalidError(
            f"Say in 1 to {_LONGEST_PURPOSE} characters what it is for.",
            field="purpose",
            remedy="Write what people want to do, such as “Restart payment nodes”.",
        )
    named = [spec.principal, spec.group, spec.holders]
    if sum(value is not None for value in named) != 1:
        raise EligibilityInvalidError(
            "Name one principal, one group or one role.", field="principal"
        )
    ceiling = CEILING_MINUTES.get(tier, 0)
    if not 1 <= spec.max_minutes <= ceiling:
        raise EligibilityInvalidError(
            f"A role of this tier is held for 1 to {ceiling} minutes.",
            field="max_minutes",
        )
    _check_pattern(spec.ticket_pattern)


def check_request(spec: ElevationSpec, terms: Terms) -> None:
    """Raise an InvalidError that names the field unless this may be asked."""
    if not 1 <= spec.minutes <= terms.longest:
        raise MinutesInvalidError(
            f"Ask for 1 to {terms.longest} minutes.", field="minutes"
        )
    if not SHORTEST_REASON <= len(spec.reason.strip()) <= LONGEST_REASON:
        raise ReasonMissingError(
            f"Say why you need it, in {SHORTEST_REASON} to {LONGEST_REASON} "
            "characters.",
            field="reason",
        )
    ticket = spec.ticket.strip()
    if len(ticket) > LONGEST_TICKET:
        raise TicketInvalidError(
            f"A ticket has at most {LONGEST_TICKET} characters.", field="ticket"
        )
    pattern = terms.ticket_pattern
    if pattern and not re.fullmatch(pattern, ticket, re.ASCII):
        raise TicketInvalidError(
            "A ticket is needed." if not ticket else f"“{ticket}” is no such ticket.",
            field="ticket",
            remedy=f"It looks like {pattern}.",
        )


def default_minutes(terms: Terms) -> int:
    """Return how long is proposed: shorter than what may be asked for."""
    return max(1, round(terms.longest * _DEFAULT_SHARE))


def may_end(
    *,
    person: uuid.UUID | None,
    holder: uuid.UUID,
    approvers: Collection[uuid.UUID],
    is_security_admin: bool,
) -> bool:
    """Say whether a person may end an elevation before its time."""
    return person is not None and (
        person == holder or person in approvers or is_security_admin
    )


def _check_pattern(pattern: str) -> None:
    if not pattern:
        return
    is_safe = (
        len(pattern) <= _LONGEST_PATTERN
        and _SAFE_PATTERN.fullmatch(pattern)
        and len(_REPEATS.findall(pattern)) <= _MOST_REPEATS
    )
    if is_safe:
        try:
            re.compile(pattern)
        except re.error:
            is_safe = False
    if not is_safe:
        raise EligibilityInvalidError(
            "This is no pattern for tickets.",
            field="ticket_pattern",
            remedy=r"Use letters, digits, \d, [A-Z], and up to three of + ? {2,5}; for "
            r"example OPS-\d+.",
        )
