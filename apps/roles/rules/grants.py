"""What a grant on objects must say, and who may give it."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from apps.roles.choices import GrantAction, GrantState
from apps.roles.errors import GrantInvalidError

LONGEST = dt.timedelta(days=366)
LONGEST_REASON = 200


@dataclass(frozen=True)
class GrantSpec:
    """Who may do what, to which object or objects, until when and why.

    Exactly one of `user_id` and `group_id` is set, and exactly one of `object_id` and
    `constraint`. `may_pass_on` lets its holder give others a part of it.
    """

    action: str
    model: str
    until: dt.datetime
    reason: str
    user_id: uuid.UUID | None = None
    group_id: uuid.UUID | None = None
    object_id: uuid.UUID | None = None
    constraint: Any = None
    may_pass_on: bool = False


def check_grant(spec: GrantSpec, now: dt.datetime) -> None:
    """Raise GrantInvalidError, which names the field, unless a grant makes sense."""
    if spec.action not in GrantAction.values:
        raise GrantInvalidError(
            f"“{spec.action:.40}” is no action.",
            field="action",
            remedy=f"Use one of {', '.join(GrantAction.values)}.",
        )
    if (spec.user_id is None) == (spec.group_id is None):
        raise GrantInvalidError("Name one person or one group.", field="holder")
    if (spec.object_id is None) == (spec.constraint is None):
        raise GrantInvalidError("Name one object, or a constraint.", field="constraint")
    if spec.action == GrantAction.ADD and spec.object_id is not None:
        raise GrantInvalidError(
            "What is added is not there yet.",
            field="object_id",
            remedy="Say with a constraint what new ones must be like.",
        )
    _check_reason(spec.reason)
    _check_until(spec.until, now)


def _check_reason(reason: str) -> None:
    if not 0 < len(reason.strip()) <= LONGEST_REASON:
        raise GrantInvalidError(
            f"Say why, in at most {LONGEST_REASON} characters.", field="reason"
        )


def _check_until(until: dt.datetime, now: dt.datetime) -> None:
    if until <= now:
        raise GrantInvalidError("This is over already.", field="until")
    if until - now > LONGEST:
        raise GrantInvalidError(
            "A grant lasts a year at most.",
            field="until",
            remedy="Choose an earlier end; grant it again when it is due.",
        )


def grant_state(
    until: dt.datetime, revoked_at: dt.datetime | None, now: dt.datetime
) -> GrantState:
    """Say what is with a grant at a moment; it is over at the instant of its end."""
    if revoked_at is not None:
        return GrantState.REVOKED
    return GrantState.NOW if now < until else GrantState.EXPIRED


def grown_roles(
    held: Iterable[str],
    before: dict[str, frozenset[Any]],
    after: dict[str, frozenset[Any]],
) -> list[str]:
    """Return which of the roles that somebody holds would carry more than before."""
    empty: frozenset[Any] = frozenset()
    return sorted(
        role for role in set(held) if after.get(role, empty) - before.get(role, empty)
    )
