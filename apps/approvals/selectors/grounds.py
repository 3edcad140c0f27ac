"""What is there now, of everything that a change may be about."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from apps.approvals import rules
from apps.approvals.choices import ItemKind
from apps.audit.selectors import entries
from apps.policies import selectors as policies
from apps.policies.choices import Act
from apps.policies.models import Policy
from apps.roles import selectors as roles
from apps.roles.rules import RoleSpec
from apps.scopes import selectors as scopes
from apps.scopes.rules import CalendarSpec, LocationSpec, WindowSpec
from apps.scopes.rules.sentences import location_sentence, window_sentence

TARGETS = {
    ItemKind.CALENDAR: "HolidayCalendar",
    ItemKind.WINDOW: "TimeWindow",
    ItemKind.LOCATION: "Location",
    ItemKind.ROLE: "Role",
    ItemKind.POLICY: "Policy",
    ItemKind.POLICY_STATE: "Policy",
}


@dataclass(frozen=True)
class Ground:
    """What a change would change. Of what is not there all is empty.

    `live` is what counts now; of a policy that is its newest version, while `content`
    is its draft.
    """

    id: uuid.UUID | None = None
    digest: str = ""
    content: dict[str, Any] | None = None
    live: dict[str, Any] | None = None
    version: int | None = None
    draft_id: uuid.UUID | None = None
    lock: int | None = None


@dataclass(frozen=True)
class Author:
    """Who changed something, and when."""

    name: str
    at: dt.datetime
    how: str


def ground_of(kind: ItemKind, slug: str) -> Ground:
    """Return what is there now under a short name."""
    match kind:
        case ItemKind.CALENDAR:
            rows = scopes.calendars().filter(slug=slug)
            return _plain((row.pk, scopes.calendar_spec(row)) for row in rows)
        case ItemKind.WINDOW:
            windows = scopes.windows().filter(slug=slug)
            return _plain((row.pk, scopes.window_spec(row)) for row in windows)
        case ItemKind.LOCATION:
            places = scopes.locations().filter(slug=slug)
            return _plain((row.pk, scopes.location_spec(row)) for row in places)
        case ItemKind.ROLE:
            named = roles.roles().filter(slug=slug)
            specs = roles.role_specs() if named else {}
            return _plain((row.pk, specs[row.slug]) for row in named)
        case ItemKind.POLICY | ItemKind.POLICY_STATE:
            policy = policies.policy_by_slug(slug)
            return Ground() if policy is None else _of_policy(policy)


def changed_since(kind: ItemKind, slug: str, since: dt.datetime) -> Author | None:
    """Return who changed something last after a moment, by the audit trail."""
    found = entries().filter(target_type=TARGETS[kind], target_id=slug, at__gte=since)
    entry = found.first()
    if entry is None:
        return None
    how = entry.action.rpartition(".")[2].replace("_", " ")
    return Author(entry.actor_name, entry.at, how)


def moved_sentence(name: str, author: Author | None, fields: Iterable[str]) -> str:
    """Say who changed which fields of something, and when."""
    who = author.name if author else "Somebody"
    when = f" on {author.at:%-d %b %Y at %H:%M} UTC" if author else ""
    what = ", ".join(one.replace("_", " ") for one in fields)
    return f"{who} changed {what or 'the state'} of “{name}”{when}."


def _plain(rows: Iterable[tuple[uuid.UUID, rules.Spec]]) -> Ground:
    for row_id, spec in rows:
        content = rules.written(spec)
        return Ground(row_id, rules.content_digest(content), content, content)
    return Ground()


def _of_policy(policy: Policy) -> Ground:
    newest = policies.newest_version(policy.pk)
    stands = {
        "draft": policy.draft.digest,
        "version": newest.number if newest else 0,
        "state": policy.state,
    }
    return Ground(
        id=policy.pk,
        digest=rules.content_digest(stands),
        content=policy.draft.content,
        live=newest.content if newest else None,
        version=newest.number if newest else None,
        draft_id=policy.draft.pk,
        lock=policy.draft.lock,
    )


def sentence_of_plain(kind: ItemKind, content: dict[str, Any] | None) -> str:
    """Return what something other than a policy says, in words."""
    if content is None or kind is ItemKind.POLICY:
        return ""
    if kind is ItemKind.POLICY_STATE:
        return f"{Act(content['act']).label} the policy: {content['reason']}"
    match rules.parse_spec_of(kind, content):
        case WindowSpec() as window:
            return window_sentence(window)
        case LocationSpec() as location:
            return location_sentence(location)
        case CalendarSpec() as calendar:
            return f"{len(calendar.days)} named days."
        case RoleSpec() as role:
            return _role_sentence(role)


def _role_sentence(role: RoleSpec) -> str:
    held = [f"{p.action} on {p.resource_type}" for p in role.permissions]
    text = f"Holds {', '.join(held) or 'nothing of its own'}"
    above = f", and what {', '.join(role.parents)} hold" if role.parents else ""
    return f"{text}{above}."
