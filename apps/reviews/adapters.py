"""Write the report of a review as CSV (RFC 4180)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from apps.reviews.models import Item

_HEAD = (
    *("principal_type", "principal", "role", "tier", "scope", "source", "advice"),
    *("last_use", "reviewers", "verdict", "reason", "decided_by", "decided_at"),
    "outcome",
)
# What a spreadsheet would take for a formula is written as text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def report(items: Iterable[Item]) -> str:
    """Return one line for each reviewed assignment."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_HEAD)
    for row in items:
        writer.writerow([_text(cell) for cell in _cells(row)])
    return out.getvalue()


def _cells(row: Item) -> tuple[object, ...]:
    held = row.assignment
    return (
        held.principal.type,
        held.principal.key,
        held.role.slug,
        held.role.tier,
        f"{held.scope.type}::{held.scope.key}" if held.scope else "everywhere",
        held.source,
        row.advice,
        row.last_use.isoformat() if row.last_use else "",
        " ".join(sorted(user.username for user in row.reviewers.all())),
        row.verdict,
        row.reason,
        row.decided_by.username if row.decided_by else "",
        row.decided_at.isoformat() if row.decided_at else "",
        row.outcome,
    )


def _text(cell: object) -> str:
    text = str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
