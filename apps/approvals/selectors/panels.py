"""Who the approvers of a stage are now, and by which right."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast
from zoneinfo import ZoneInfo

from django.db.models import Q

from apps.accounts.models import Membership
from apps.approvals import rules
from apps.approvals.rules import ApproverType, Reviewer, Way
from apps.approvals.selectors.people import active_members, with_passkey
from apps.delegations.selectors import standins
from apps.roles import selectors as roles
from apps.roles.models import Principal
from apps.roles.rules import ancestry
from apps.scopes.models import TimeWindow
from apps.scopes.selectors import window_record
from engine.calendar import is_open
from protocol.records import EntityRef

_DEEPEST_LOAN = 3
Ways = dict[uuid.UUID, frozenset[Way]]


@dataclass(frozen=True)
class Setting:
    """What the approvers of a request depend on, besides its flow."""

    scopes: tuple[EntityRef, ...] = ()
    whose_manager: uuid.UUID | None = None
    facts: Mapping[str, frozenset[str]] = field(default_factory=dict)


class Directory:
    """The people of the tenant as they are at one moment, each question asked once."""

    def __init__(self, now: dt.datetime) -> None:
        self.now = now
        self.members: dict[uuid.UUID, Membership] = active_members()
        self.with_passkey = with_passkey()
        self._standins = standins(now)
        self._known: dict[tuple[object, ...], Ways] = {}
        self._windows: dict[str, bool] = {"": True}
        self._facts: dict[uuid.UUID, dict[str, frozenset[str]]] | None = None

    def panel(
        self, stage: rules.Stage, setting: Setting, *, is_escalated: bool = False
    ) -> dict[uuid.UUID, Reviewer]:
        """Return the approvers of a stage with the ways in which they are it."""
        named = list(stage.approvers)
        if is_escalated and stage.escalation:
            named += stage.escalation.approvers
        ways: dict[uuid.UUID, set[Way]] = defaultdict(set)
        for approver in named:
            for person, found in self._ways(approver, setting).items():
                ways[person] |= found
        self._add_standins(ways)
        return {
            person: Reviewer(person, frozenset(found), self._facts_of(stage, person))
            for person, found in ways.items()
            if person in self.members
        }

    def name(self, person: uuid.UUID) -> str:
        """Return how a member is called."""
        row = self.members.get(person)
        return str(row.user) if row else "a former member"

    def is_within(self, hours: str) -> bool:
        """Say whether a time window is open; one that is not there never is."""
        if hours not in self._windows:
            window = TimeWindow.objects.filter(slug=hours).first()
            self._windows[hours] = window is not None and is_window_open(
                window, self.now
            )
        return self._windows[hours]

    def _ways(self, approver: rules.Approver, setting: Setting) -> Ways:
        key: tuple[object, ...] = (approver,)
        if approver.type in rules.RELATIVE:
            key = (approver, setting.scopes, setting.whose_manager)
        if key not in self._known:
            self._known[key] = self._find(approver, setting)
        return self._known[key]

    def _find(self, approver: rules.Approver, setting: Setting) -> Ways:
        match approver.type:
            case ApproverType.ROLE:
                return holders(approver.id, self.now)
            case ApproverType.GROUP:
                return _own(roles.users_in_group(approver.id))
            case ApproverType.RESOURCE_OWNER:
                owners = [roles.owners_of(ref) for ref in setting.scopes]
                return _own(frozenset().union(*owners))
            case ApproverType.MANAGER:
                person = setting.whose_manager
                manager = roles.manager_of(person) if person else None
                return _own([manager] if manager else [])
            case ApproverType.USER:
                wanted = approver.id
                return _own(
                    p for p, m in self.members.items() if m.user.username == wanted
                )
            case ApproverType.TENANT_ROLE:
                return _own(
                    p for p, m in self.members.items() if approver.id in m.roles
                )

    def _add_standins(self, ways: dict[uuid.UUID, set[Way]]) -> None:
        own = {person: frozenset(found) for person, found in ways.items()}
        for absent, others in self._standins.items():
            for other in others:
                ways[other] |= {(absent, *way) for way in own.get(absent, ())}

    def _facts_of(
        self, stage: rules.Stage, person: uuid.UUID
    ) -> Mapping[str, frozenset[str]]:
        if not stage.on("reviewer"):
            return {}
        if self._facts is None:
            self._facts = _all_facts(self.now, self.members)
        return self._facts.get(person, {})


def holders(role: str, now: dt.datetime) -> Ways:
    """Return the people who hold a role now, and from whom, if it was lent to them."""
    graph = roles.role_graph()
    slugs = [slug for slug in graph if role in ancestry(graph, slug)]
    rows = (
        roles.live_assignments(now)
        .filter(Q(start__isnull=True) | Q(start__lte=now))
        .filter(role__slug__in=slugs, principal__user__isnull=False)
    )
    pairs = cast(
        "set[tuple[uuid.UUID, uuid.UUID | None]]",
        set(rows.values_list("principal__user_id", "delegator__user_id")),
    )
    ways: dict[uuid.UUID, set[Way]] = defaultdict(set)
    for person, lender in pairs:
        if lender is None:
            ways[person].add(rules.OWN)
    for _ in range(_DEEPEST_LOAN):
        for person, lender in pairs:
            if lender is not None:
                found = {(lender, *way) for way in ways[lender] if person not in way}
                ways[person] |= {way for way in found if person not in way}
    return {person: frozenset(found) for person, found in ways.items() if found}


def is_window_open(window: TimeWindow, now: dt.datetime) -> bool:
    """Say whether a window is open at a moment."""
    offset = now.astimezone(ZoneInfo(window.zone)).utcoffset() or dt.timedelta()
    transitions = [[int(now.timestamp()), int(offset.total_seconds())]]
    return is_open(window_record(window), now, transitions)


def _own(people: Iterable[uuid.UUID]) -> Ways:
    return {person: frozenset({rules.OWN}) for person in people}


def _all_facts(
    now: dt.datetime, members: Mapping[uuid.UUID, Membership]
) -> dict[uuid.UUID, dict[str, frozenset[str]]]:
    facts: dict[uuid.UUID, dict[str, frozenset[str]]] = {
        person: {
            "username": frozenset({row.user.username}),
            "tenant_roles": frozenset(row.roles),
            "groups": frozenset(),
            "roles": frozenset(),
        }
        for person, row in members.items()
    }
    held: dict[uuid.UUID, set[str]] = defaultdict(set)
    for user_id, slug in roles.live_assignments(now).values_list(
        "principal__user_id", "role__slug"
    ):
        held[user_id].add(slug)
    rows = Principal.objects.filter(user_id__in=members)
    for row in rows.prefetch_related("principal_groups"):
        own = facts[row.user_id]  # type: ignore[index]
        own["groups"] = frozenset(group.slug for group in row.principal_groups.all())
        own["roles"] = frozenset(held[row.user_id])  # type: ignore[index]
        own |= {
            f"attributes.{name}": frozenset(map(str, _list(value)))
            for name, value in row.attributes.items()
        }
    return facts


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
