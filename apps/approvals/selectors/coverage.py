"""Who could decide in the coming week, for each kind, tier and hour."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils import timezone

from apps.approvals import rules
from apps.approvals.choices import RequestKind
from apps.approvals.rules import linter
from apps.approvals.rules.linter import HOURS_A_WEEK, Absences, Finding, Path, Watch
from apps.approvals.selectors.flows import flows, spec_of
from apps.approvals.selectors.panels import Directory, Setting, is_window_open
from apps.delegations.choices import LoanState
from apps.delegations.selectors import absences as absence_rows
from apps.roles.choices import Tier
from apps.roles.models import Principal, ResourceOwner
from apps.scopes.models import TimeWindow

_HOUR = dt.timedelta(hours=1)
_HOURS_A_DAY = 24


@dataclass(frozen=True)
class Candidate:
    """A flow that is kept, or about to be."""

    id: uuid.UUID | None
    spec: rules.FlowSpec


def candidates(
    replaced: uuid.UUID | None = None, spec: rules.FlowSpec | None = None
) -> list[Candidate]:
    """Return all flows, with one of them as it is about to be."""
    kept = [Candidate(row.pk, spec_of(row)) for row in flows() if row.pk != replaced]
    return kept if spec is None else [*kept, Candidate(replaced, spec)]


class WeekAhead:
    """The paths of a tenant and who is there in the week that begins now."""

    def __init__(self, flows_: Sequence[Candidate]) -> None:
        now = timezone.now()
        self._flows = flows_
        self._directory = Directory(now)
        self._hours = {_hour_of_week(moment): moment for moment in _next_hours(now)}
        self._windows: dict[str, frozenset[int]] = {"": linter.ALWAYS}
        self._setting = Setting()

    def paths(self, kinds: Iterable[RequestKind] = RequestKind) -> list[Path]:
        """Return what requests of each kind and tier pass."""
        return [self._path(kind, tier.value) for kind in kinds for tier in Tier]

    def findings(self) -> list[Finding]:
        """Return what the linter says about all paths.

        Flows for some roles or risks only are looked at besides what most requests
        of a tier pass.
        """
        found = {(one.kind, one.tier, one.flow): one for one in self.paths()}
        for one in self._flows:
            for path in self.paths_of(one):
                found.setdefault((path.kind, path.tier, path.flow), path)
        return linter.lint(found.values(), self.absences())

    def paths_of(self, one: Candidate) -> list[Path]:
        """Return what one flow asks of the tiers that it may be for."""
        spec = one.spec
        stages = tuple(self._watch(stage) for stage in spec.stages)
        return [
            Path(spec.kind, tier.value, spec.name, one.id, stages)
            for tier in Tier
            if spec.is_active and (not spec.match.tiers or tier in spec.match.tiers)
        ]

    def absences(self) -> Absences:
        """Return who is away in the coming week, and who stands in."""
        hours: dict[uuid.UUID, set[int]] = defaultdict(set)
        standins: dict[uuid.UUID, set[uuid.UUID]] = defaultdict(set)
        rows = absence_rows().filter(state=LoanState.ACCEPTED, ended_at__isnull=True)
        for row in rows.filter(end__gt=self._directory.now):
            away = {h for h, at in self._hours.items() if row.start <= at < row.end}
            if away:
                hours[row.approver_id] |= away
                standins[row.approver_id].add(row.stand_in_id)
        able = self._directory.with_passkey & set(self._directory.members)
        return Absences(
            {person: frozenset(found) for person, found in hours.items()},
            {person: frozenset(found) & able for person, found in standins.items()},
        )

    def _path(self, kind: RequestKind, tier: str) -> Path:
        about = rules.About(kind=kind, tier=tier, risk=rules.risk_of_tier(tier))
        chosen = rules.choose([one.spec for one in self._flows], about)
        owner = next(
            (
                one.id
                for one in self._flows
                if one.spec.kind == kind and one.spec.name == chosen.name
            ),
            None,
        )
        stages = tuple(self._watch(stage) for stage in chosen.stages)
        return Path(kind, tier, chosen.name, owner, stages)

    def _watch(self, stage: rules.Stage) -> Watch:
        panel = self._directory.panel(stage, self._setting, is_escalated=True)
        people = {
            person
            for person, reviewer in panel.items()
            if rules.unmet(stage.on("reviewer"), reviewer.facts) is None
        } | self._relative(stage)
        able = frozenset(people) & self._directory.with_passkey
        return Watch(stage.name, stage.quorum, able, self._open_hours(stage.hours))

    def _relative(self, stage: rules.Stage) -> set[uuid.UUID]:
        """Return everybody who is an owner or a manager of anything, if asked for."""
        kinds = {one.type for one in stage.approvers}
        found: set[uuid.UUID | None] = set()
        if rules.ApproverType.RESOURCE_OWNER in kinds:
            owners = ResourceOwner.objects.values_list("principal__user_id", flat=True)
            found |= set(owners)
        if rules.ApproverType.MANAGER in kinds:
            bosses = Principal.objects.filter(reports__isnull=False)
            found |= set(bosses.values_list("user_id", flat=True))
        return {person for person in found if person in self._directory.members}

    def _open_hours(self, slug: str) -> frozenset[int]:
        if slug not in self._windows:
            window = TimeWindow.objects.filter(slug=slug).first()
            self._windows[slug] = frozenset(
                hour
                for hour, moment in self._hours.items()
                if window is not None and is_window_open(window, moment)
            )
        return self._windows[slug]


def week_ahead() -> WeekAhead:
    """Return the coming week of the tenant's flows."""
    return WeekAhead(candidates())


def _next_hours(now: dt.datetime) -> list[dt.datetime]:
    first = now.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0) + _HOUR
    return [first + number * _HOUR for number in range(HOURS_A_WEEK)]


def _hour_of_week(moment: dt.datetime) -> int:
    return moment.weekday() * _HOURS_A_DAY + moment.hour
