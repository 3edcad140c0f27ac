"""Findings that one policy and what it names are enough for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping

from apps.policies.rules.catalogue import Catalogue
from apps.policies.rules.content import Condition, PolicyContent, Value
from apps.policies.rules.lint.findings import Finding, LintCode, Severity
from apps.policies.rules.lint.guards import lint_guards
from engine.calendar import Transitions, is_open, next_transitions
from protocol.records import LocationRecord, WindowRecord

_LEAST, _MOST = -(2**53), 2**53
# Who may be anybody must at least be somewhere, at some time, or have proven something.
_ANYBODY = "Anybody may do this, whoever they are and wherever they come from."


def lint_content(
    slug: str,
    content: PolicyContent,
    catalogue: Catalogue,
    *,
    now: dt.datetime,
    zones: Mapping[str, Transitions],
) -> list[Finding]:
    """Return what is wrong with a policy by itself. It has been found to compile.

    `zones` holds the transitions of the time zones of its windows.
    """
    return [
        *_windows(slug, content, catalogue, now, zones),
        *_locations(slug, content, catalogue),
        *_contradictions(slug, content),
        *_breadth(slug, content),
        *lint_guards(slug, content),
        *_dates(slug, content, now),
        *_untested(slug, content),
    ]


def _windows(
    slug: str,
    content: PolicyContent,
    catalogue: Catalogue,
    now: dt.datetime,
    zones: Mapping[str, Transitions],
) -> Iterator[Finding]:
    """Find windows that do not open again, and intervals that meet none of them."""
    windows = [catalogue.windows[name] for name in content.windows]
    if not windows:
        return
    start, end = _interval(content)
    moment = max(now, start or now)
    if any(_opens(window, moment, end, zones) for window in windows):
        return
    gone = [window for window in windows if _is_over(window, now)]
    if len(gone) == len(windows):
        yield Finding(
            LintCode.EXPIRED,
            Severity.WARNING,
            slug,
            "windows",
            "All windows of the policy are over: it does nothing any more.",
            "Retire the policy, or choose a window that opens again.",
        )
        return
    # Without an end there would be a time: that is a choice of dates, not a mistake.
    is_cut = end is not None and any(
        _opens(window, now, None, zones) for window in windows
    )
    yield Finding(
        LintCode.NEVER_OPEN,
        Severity.WARNING if is_cut else Severity.ERROR,
        slug,
        "windows",
        "No window of the policy opens while it is in force.",
        "Choose other windows, or another interval.",
    )


def _opens(
    window: WindowRecord,
    moment: dt.datetime,
    end: dt.datetime | None,
    zones: Mapping[str, Transitions],
) -> bool:
    transitions = zones[window.zone]
    if is_open(window, moment, transitions):
        return True
    later = next_transitions(window, moment, transitions, 1)
    return bool(later) and (end is None or later[0][0] < end)


def _is_over(window: WindowRecord, now: dt.datetime) -> bool:
    last = window.closes_at
    if last and dt.datetime.fromisoformat(last) <= now:
        return True
    until = window.date_until
    # A day of slack: which day it is depends on the zone.
    return bool(until) and dt.date.fromisoformat(until or "") < (
        now.date() - dt.timedelta(days=1)
    )


def _locations(
    slug: str, content: PolicyContent, catalogue: Catalogue
) -> Iterator[Finding]:
    """Find a country in the conditions that no location of the policy lies in."""
    if content.effect != "permit" or not content.locations:
        return
    places = [catalogue.locations[name] for name in content.locations]
    if any(_may_be_anywhere(place) for place in places):
        return
    known = {country for place in places for country in place.countries}
    for n, condition in enumerate(content.conditions):
        wanted = _values(condition)
        if condition.attribute == "country" and wanted and not wanted & known:
            names = ", ".join(sorted(map(str, wanted)))
            yield _never(
                slug, f"conditions[{n}]", f"No location of the policy lies in {names}."
            )


def _may_be_anywhere(place: LocationRecord) -> bool:
    """Say whether a place is told by something else than its country."""
    other = (place.cidrs, place.cities, place.fence, place.node_groups)
    return any(other) or place.unknown_matches


def _contradictions(slug: str, content: PolicyContent) -> Iterator[Finding]:
    """Find attributes of which the conditions leave no value."""
    by_name: dict[str, list[tuple[int, Condition]]] = {}
    for n, condition in enumerate(content.conditions):
        by_name.setdefault(condition.attribute, []).append((n, condition))
    for name, rows in by_name.items():
        conditions = [condition for _, condition in rows]
        if not (_bounds_meet(conditions) and _values_meet(conditions)):
            yield _never(
                slug,
                f"conditions[{rows[-1][0]}]",
                f"The conditions on “{name}” exclude each other.",
            )


def _bounds_meet(conditions: list[Condition]) -> bool:
    """Say whether a number is left that all conditions allow."""
    if not all(type(condition.value) is int for condition in conditions):
        return True
    spans = [_span(condition.op, int(str(condition.value))) for condition in conditions]
    low, high = max(low for low, _ in spans), min(high for _, high in spans)
    excluded = {condition.value for condition in conditions if condition.op == "!="}
    if high - low > len(excluded):
        return True
    return any(number not in excluded for number in range(low, high + 1))


def _span(op: str, value: int) -> tuple[int, int]:
    """Return the least and the most that a comparison allows."""
    match op:
        case ">=":
            return value, _MOST
        case ">":
            return value + 1, _MOST
        case "<=":
            return _LEAST, value
        case "<":
            return _LEAST, value - 1
        case "==":
            return value, value
        case _:
            return _LEAST, _MOST


def _values_meet(conditions: list[Condition]) -> bool:
    """Say whether a text or flag is left that all conditions on it allow."""
    allowed: set[str | int | bool] | None = None
    for condition in conditions:
        wanted = _values(condition)
        if condition.op in {"==", "in"} and wanted is not None:
            allowed = set(wanted) if allowed is None else allowed & wanted
    if allowed is None:
        return True
    return any(
        all(_fits(condition, value) for condition in conditions) for value in allowed
    )


def _fits(condition: Condition, value: Value) -> bool:
    if not isinstance(value, str):
        return True
    match condition.op:
        case "!=":
            return value != condition.value
        case "starts_with":
            return value.startswith(str(condition.value))
        case _:
            return True


def _values(condition: Condition) -> set[str | int | bool] | None:
    """Return what an attribute may be by a condition, if it says so by value."""
    value = condition.value
    if isinstance(value, list):
        return set(value)
    if condition.op == "==" and not (
        isinstance(value, int) and not isinstance(value, bool)
    ):
        return {value}
    return None


def _breadth(slug: str, content: PolicyContent) -> Iterator[Finding]:
    if content.effect != "permit" or content.cedar:
        return
    is_free = not (content.windows or content.locations or content.conditions)
    asks = [one for one in content.obligations if one.type != "notify"]
    if not content.principals and is_free and not asks:
        severity = Severity.WARNING if content.tier == "read_only" else Severity.ERROR
        yield Finding(
            LintCode.OVER_BROAD,
            severity,
            slug,
            "principals",
            _ANYBODY,
            "Name who may, or add a condition, a window or a location.",
        )
    roles = [item for item in content.principals if item.type == "Role"]
    is_wide = not content.resources or any(not i.id for i in content.resources)
    if content.tier == "admin" and roles and is_wide and is_free and not asks:
        yield Finding(
            LintCode.WIDE_ADMIN,
            Severity.WARNING,
            slug,
            "conditions",
            "A role may do admin work everywhere, at any time, from any place.",
            "Ask for MFA, a trusted device, a place or a time.",
        )


def _dates(slug: str, content: PolicyContent, now: dt.datetime) -> Iterator[Finding]:
    start, end = _interval(content)
    if end is not None and end <= now:
        yield Finding(
            LintCode.EXPIRED,
            Severity.WARNING,
            slug,
            "effective_until",
            "The policy ended already.",
            "Retire it, or set a later end.",
        )
    if start is not None and end is not None and end <= start:
        yield _never(slug, "effective_until", "The policy ends before it begins.")
    if content.review_on and dt.date.fromisoformat(content.review_on) < now.date():
        yield Finding(
            LintCode.REVIEW_OVERDUE,
            Severity.WARNING,
            slug,
            "review_on",
            f"The policy was to be reviewed on {content.review_on}.",
            "Read it with its owner, and set the next date.",
        )


def _untested(slug: str, content: PolicyContent) -> Iterator[Finding]:
    if not content.tests:
        yield Finding(
            LintCode.UNTESTED,
            Severity.NOTE,
            slug,
            "tests",
            "No test stands beside the policy.",
            "Keep some of the tests that are proposed for it.",
        )


def _interval(
    content: PolicyContent,
) -> tuple[dt.datetime | None, dt.datetime | None]:
    start, end = (
        dt.datetime.fromisoformat(text) if text else None
        for text in (content.effective_from, content.effective_until)
    )
    return start, end


def _never(slug: str, field: str, message: str) -> Finding:
    return Finding(
        LintCode.NEVER_TRUE,
        Severity.ERROR,
        slug,
        field,
        f"{message} The policy never applies.",
        "Change or remove one of them.",
    )
