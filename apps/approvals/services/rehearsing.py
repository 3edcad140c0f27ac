"""Try a set of changes out: do everything, look at it, and take it back.

Nothing is guessed: what a set would do is what the services did to the real rows inside
a savepoint.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from apps.approvals import rules, selectors
from apps.approvals.choices import ItemKind
from apps.approvals.errors import ChangeSetClosedError
from apps.approvals.models import ChangeItem, ChangeSet
from apps.approvals.services.carrying import Applied, Wanted, apply_changes
from apps.approvals.services.locking import lock_grounds
from apps.audit.events import Actor
from apps.policies.services import Approval
from apps.simulation.selectors import live_records
from apps.simulation.services import Checks, checks_of

_MOST_SHOWN = 200


@dataclass(frozen=True)
class Rehearsal:
    """What a set came to: each change in normal form, the state before and after."""

    applied: tuple[Applied, ...]
    state: selectors.StateChange
    # What tests and lint say of its policies; nothing unless that was asked for.
    checks: Checks | None = None

    @property
    def input_digest(self) -> str:
        """Return the digest of everything that evidence is computed from."""
        return rules.content_digest(
            {
                "before": self.state.before,
                "after": self.state.after,
                "changes": [one.digest for one in self.applied],
            }
        )

    @property
    def policies(self) -> list[tuple[str, dict[str, Any]]]:
        """Return what policies say, by their short names."""
        return policies_of(self.applied)

    @property
    def contents(self) -> list[tuple[ItemKind, dict[str, Any]]]:
        """Return what each change says, by its kind."""
        return [(one.kind, one.content) for one in self.applied]

    def to_dict(self) -> dict[str, Any]:
        """Return what is kept with the set and shown on its pages."""
        return {
            "before": self.state.before,
            "after": self.state.after,
            "input": self.input_digest,
            "items": [one.to_dict() for one in self.applied],
            "records": [
                {
                    "key": ":".join(one.key),
                    "how": "new"
                    if one.before is None
                    else "gone"
                    if one.after is None
                    else "changed",
                }
                for one in self.state.changes[:_MOST_SHOWN]
            ],
        }


def policies_of(applied: Iterable[Applied]) -> list[tuple[str, dict[str, Any]]]:
    """Return what the policies among changes say, by their short names."""
    return [(one.slug, one.content) for one in applied if one.kind is ItemKind.POLICY]


def wanted_of(items: Sequence[ChangeItem]) -> list[Wanted]:
    """Return the changes of a set as they are asked for."""
    return [
        Wanted(ItemKind(item.kind), item.slug, item.content, author_of(item))
        for item in items
    ]


def author_of(item: ChangeItem) -> Actor:
    """Return who wrote a change."""
    if item.author_id is None:
        return Actor.command(item.author_name)
    return Actor("user", str(item.author_id), item.author_name)


def next_request_id(change_set: ChangeSet) -> uuid.UUID:
    """Return the id of the request that the set will open next.

    It stands in the records of policies, so the state that is tried out is the one that
    nodes will hold.
    """
    return uuid.uuid5(change_set.pk, str(change_set.submissions + 1))


def rehearse(
    *,
    actor: Actor,
    wanted: Sequence[Wanted],
    request_id: uuid.UUID,
    activate_at: dt.datetime | None = None,
    is_checked: bool = False,
) -> Rehearsal:
    """Try changes out and take them back. Raises what carrying them out would raise.

    Tests of policies may fail; what is proposed is another question. Tests and lint see
    the world with the changes in it.
    """
    before = live_records()
    with transaction.atomic():
        lock_grounds(wanted)
        applied = apply_changes(
            actor=actor,
            wanted=wanted,
            request_id=request_id,
            approval=Approval(activate_at=activate_at),
            is_rehearsal=True,
        )
        after = live_records()
        checks = checks_of(policies_of(applied)) if is_checked else None
        transaction.set_rollback(True)
    return Rehearsal(tuple(applied), selectors.between(before, after), checks)


def stage_set(*, actor: Actor, row: ChangeSet, without: str = "") -> None:
    """Carry a set out in the caller's transaction, which has to take it back.

    `without` names a change ("kind:short name") that is left out. Raises
    ChangeSetClosedError, and what carrying it out raises.
    """
    if not row.is_draft:
        raise ChangeSetClosedError
    items = list(row.items.all())
    wanted = [one for one in wanted_of(items) if one.place != without]
    lock_grounds(wanted)
    apply_changes(
        actor=actor,
        wanted=wanted,
        request_id=next_request_id(row),
        approval=Approval(activate_at=row.activate_at),
        is_rehearsal=True,
    )
