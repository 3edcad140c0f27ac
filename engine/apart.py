"""Separation of duties as findings: which set, which other role, which exception."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.decide import Placed
from engine.findings import Finding, FindingKind
from engine.roles import Holdings
from engine.separation import Separation
from engine.wording import any_of
from protocol.records import AssignmentRecord


@dataclass(frozen=True)
class SeparationStep:
    """A set of which somebody has too many roles, and what gave them these.

    `waived_until` is the end of the exception that lets them, if there is one.
    """

    separation: str
    roles: tuple[str, ...]
    grants: tuple[AssignmentRecord, ...]
    finding: Finding
    waived_until: dt.datetime | None = None


def separation_steps(
    holdings: Holdings,
    names: Mapping[str, str],
    assignments: Mapping[str, AssignmentRecord],
    placed: Placed,
) -> Iterator[SeparationStep]:
    """Yield the sets of which the principal has too many roles, with exceptions."""
    request = placed.request
    found = holdings.apart(request.principal, request.now, placed.places)
    for one, grants in found:
        roles = tuple(sorted(one.roles & holdings.above(grants)))
        until = one.waived_until(request.principal)
        is_waived = until is not None and request.now < until
        yield SeparationStep(
            one.id,
            roles,
            tuple(
                assignments[grant.id]
                for grant in grants
                if not one.roles.isdisjoint(holdings.above([grant]))
            ),
            _finding(one, names.get(one.id, one.id), placed, roles, until),
            until if is_waived else None,
        )


def _finding(
    one: Separation,
    name: str,
    placed: Placed,
    roles: tuple[str, ...],
    until: dt.datetime | None,
) -> Finding:
    who = placed.request.principal.id
    all_ = any_of(sorted(one.roles), "and")
    held = any_of(roles, "and")
    verb = "holds" if one.is_static else "would use"
    at_most = "one" if one.limit == 1 else f"{one.limit}"
    is_waived = until is not None and placed.request.now < until
    found = f"{who} {verb} {held}"
    return Finding(
        FindingKind.SEPARATION,
        held=is_waived,
        wanted=f"at most {at_most} of {all_}",
        found=f"{found}; {_exception(until, is_waived=is_waived)}",
        words=f"“{name}” keeps {all_} apart, and {found}",
        names=(one.id, *roles),
        changes_at=until if is_waived else None,
        details=(
            "Held anywhere counts."
            if one.is_static
            else "What counts for this resource, here and now, counts.",
        ),
    )


def _exception(until: dt.datetime | None, *, is_waived: bool) -> str:
    if until is None:
        return "there is no exception"
    moment = f"{until.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
    return f"an exception {'holds until' if is_waived else 'ended'} {moment}"
