"""Whether somebody can decide, for each tier and each hour of the week.

A path is what requests of a kind and tier pass. For one hour it has as many
possibilities as its poorest stage has approvers to spare: none is a dead path, and one
is a path that depends on a single person, who may be the one who asks.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from apps.approvals.choices import RequestKind

HOURS_A_WEEK = 168
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOURS_A_DAY = 24

Hours = frozenset[int]
ALWAYS: Hours = frozenset(range(HOURS_A_WEEK))


class Severity(StrEnum):
    """How bad a finding is; errors keep a flow from being saved."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Watch:
    """A stage as the linter sees it: who could sign, and when these decide."""

    name: str
    quorum: int
    approvers: frozenset[uuid.UUID]
    hours: Hours = ALWAYS


@dataclass(frozen=True)
class Path:
    """What requests of a kind and tier pass."""

    kind: RequestKind
    tier: str
    flow: str
    flow_id: uuid.UUID | None
    stages: tuple[Watch, ...]


@dataclass(frozen=True)
class Absences:
    """When people are away, and who stands in for them then."""

    hours: Mapping[uuid.UUID, Hours]
    standins: Mapping[uuid.UUID, frozenset[uuid.UUID]]


@dataclass(frozen=True)
class Finding:
    """Something that keeps, or could keep, people from deciding."""

    code: str
    severity: Severity
    message: str
    flow: str
    flow_id: uuid.UUID | None
    tier: str
    kind: RequestKind


def coverage(path: Path, absences: Absences) -> tuple[int, ...]:
    """Return how many possibilities a path has in each hour of the week."""
    return tuple(
        min(_possible(stage, hour, absences) for stage in path.stages)
        for hour in range(HOURS_A_WEEK)
    )


def lint(paths: Iterable[Path], absences: Absences) -> list[Finding]:
    """Return what is wrong with the paths, errors first."""
    found = [one for path in paths for one in _lint_path(path, absences)]
    return sorted(found, key=lambda one: (one.severity, one.flow, one.kind, one.tier))


def spans(hours: Iterable[int]) -> str:
    """Return hours of the week in words, as “Mon 00-09, Sat 00 - Sun 24”."""
    wanted = sorted(hours)
    runs: list[list[int]] = []
    for hour in wanted:
        if runs and runs[-1][1] == hour:
            runs[-1][1] = hour + 1
        else:
            runs.append([hour, hour + 1])
    return ", ".join(_span(first, last) for first, last in runs)


def _lint_path(path: Path, absences: Absences) -> list[Finding]:
    cells = coverage(path, absences)
    dead = [hour for hour, number in enumerate(cells) if number == 0]
    single = [hour for hour, number in enumerate(cells) if number == 1]
    found = []
    what = f"{path.kind.label} of tier {path.tier}, flow “{path.flow}”"
    if len(dead) == HOURS_A_WEEK:
        found.append(
            _finding(path, "dead_path", f"{what}: nobody could ever decide.", bad=True)
        )
    elif dead:
        message = f"{what}: nobody decides in {spans(dead)} (UTC)."
        found.append(_finding(path, "dead_hours", message))
    if single:
        when = "ever" if len(single) == HOURS_A_WEEK else f"in {spans(single)} (UTC)"
        message = f"{what}: a single person decides, {when}; who asks cannot be it."
        found.append(_finding(path, "single_person", message))
    return found


def _finding(path: Path, code: str, message: str, *, bad: bool = False) -> Finding:
    return Finding(
        code=f"approvals.{code}",
        severity=Severity.ERROR if bad else Severity.WARNING,
        message=message.replace(", ever;", ";"),
        flow=path.flow,
        flow_id=path.flow_id,
        tier=path.tier,
        kind=path.kind,
    )


def _possible(stage: Watch, hour: int, absences: Absences) -> int:
    if hour not in stage.hours:
        return 0
    present = {
        person
        for person in stage.approvers
        if hour not in absences.hours.get(person, frozenset())
    }
    for person in stage.approvers - present:
        present |= {
            other
            for other in absences.standins.get(person, frozenset())
            if hour not in absences.hours.get(other, frozenset())
        }
    return max(0, len(present) - stage.quorum + 1)


def _span(first: int, last: int) -> str:
    start_day, start = divmod(first, _HOURS_A_DAY)
    end_day, end = divmod(last - 1, _HOURS_A_DAY)
    if start_day == end_day:
        return f"{_DAYS[start_day]} {start:02}-{end + 1:02}"
    return f"{_DAYS[start_day]} {start:02} - {_DAYS[end_day]} {end + 1:02}"
