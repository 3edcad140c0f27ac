"""Sheets for programs that calculate, which must not calculate what we wrote."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from apps.dashboard.rules.access import Permitted
from engine.explain import Explanation

# What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def sheet(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Return rows as CSV (RFC 4180); no cell begins like a formula."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(column, "")) for column in columns])
    return out.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, list | tuple):
        value = "; ".join(map(str, value))
    text = "" if value is None else str(value)
    # Space in front does not keep a spreadsheet from calculating.
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


ACCESS_COLUMNS = (
    *("principal_type", "principal", "action", "resource_type", "resource"),
    *("roles", "assignments", "until", "policies"),
)
STEP_COLUMNS = (
    *("verdict", "way", "policy", "version", "kind", "held", "wanted", "found"),
    *("details", "assignments"),
)


Sheet = tuple[Sequence[str], list[dict[str, object]]]


def sheet_of_access(rows: Iterable[Permitted]) -> Sheet:
    """Return what is permitted as columns and rows."""
    return ACCESS_COLUMNS, [access_row(row) for row in rows]


def access_row(row: Permitted) -> dict[str, object]:
    """Return one thing that is permitted as a row."""
    return {
        "principal_type": row.principal.type,
        "principal": row.principal.id,
        "action": row.action,
        "resource_type": row.resource.type,
        "resource": row.resource.id,
        "roles": list(row.roles),
        "assignments": [grant.id for grant in row.grants],
        "until": row.until,
        "policies": list(row.policies),
    }


def sheet_of_steps(explanation: Explanation) -> Sheet:
    """Return an explanation as columns and rows: one for each thing asked for."""
    verdict = "permitted" if explanation.decision.allowed else "denied"
    ways = (
        ("permits", explanation.permits),
        ("forbids", explanation.forbids),
        ("failed", explanation.failed),
        ("nearly permits", explanation.near),
    )
    rows: list[dict[str, object]] = [
        {
            "verdict": verdict,
            "way": way,
            "policy": step.policy.id,
            "version": step.policy.version,
            "kind": finding.kind.value,
            "held": {True: "yes", False: "no", None: "error"}[finding.held],
            "wanted": finding.wanted,
            "found": finding.found,
            "details": list(finding.details),
            "assignments": [grant.assignment.id for grant in step.grants],
        }
        for way, steps in ways
        for step in steps
        for finding in step.findings
    ]
    rows += [
        {
            "verdict": verdict,
            "way": "keeps apart",
            "kind": one.finding.kind.value,
            "held": "yes" if one.finding.held else "no",
            "policy": one.separation,
            "wanted": one.finding.wanted,
            "found": one.finding.found,
            "details": list(one.finding.details),
            "assignments": [grant.id for grant in one.grants],
        }
        for one in explanation.separations
    ]
    return STEP_COLUMNS, rows or [{"verdict": verdict, "way": "no policy is near"}]
