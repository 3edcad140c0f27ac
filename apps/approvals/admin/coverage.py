"""What the page shows of who could decide in each hour of the week."""

from __future__ import annotations

from typing import Any

from apps.approvals import selectors
from apps.approvals.choices import RequestKind
from apps.approvals.rules.linter import Absences, Path, coverage, spans
from apps.roles.choices import Tier

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HOURS_A_DAY = 24
_ENOUGH = 2


def describe(kind: str) -> dict[str, Any]:
    """Return the tables of one kind of request, and what the linter found."""
    chosen = RequestKind(kind) if kind in RequestKind.values else RequestKind.ELEVATION
    ahead = selectors.week_ahead()
    absences = ahead.absences()
    return {
        "chosen": chosen,
        "kinds": list(RequestKind),
        "hours": [f"{hour:02}" for hour in range(HOURS_A_DAY)],
        "tables": [_table(path, absences) for path in ahead.paths([chosen])],
        "findings": [one for one in ahead.findings() if one.kind == chosen],
    }


def _table(path: Path, absences: Absences) -> dict[str, Any]:
    cells = coverage(path, absences)
    dead = [hour for hour, number in enumerate(cells) if number == 0]
    single = [hour for hour, number in enumerate(cells) if number == 1]
    return {
        "path": path,
        "tier": Tier(path.tier).label,
        "dead": spans(dead) if len(dead) < len(cells) else "all hours",
        "single": spans(single) if len(single) < len(cells) else "all hours",
        "days": [
            {
                "name": name,
                "cells": [
                    {"number": number, "level": min(number, _ENOUGH)}
                    for number in cells[day * HOURS_A_DAY : (day + 1) * HOURS_A_DAY]
                ],
            }
            for day, name in enumerate(DAYS)
        ],
    }
