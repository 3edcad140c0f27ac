"""Findings: a code, how bad it is, where it stands, and the remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from apps.policies.rules.problems import Problem, ProblemCode


class Severity(StrEnum):
    """How bad a finding is. Errors keep a policy from being saved."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """Return 0 for the worst."""
        return list(Severity).index(self)


class LintCode(StrEnum):
    """Every finding, as machines match it."""

    NEVER_TRUE = "lint.never_true"
    NEVER_OPEN = "lint.never_open"
    EXPIRED = "lint.expired"
    OVER_BROAD = "lint.over_broad"
    FAILS_OPEN = "lint.fails_open"
    WIDE_ADMIN = "lint.wide_admin"
    REVIEW_OVERDUE = "lint.review_overdue"
    UNTESTED = "lint.untested"
    SHADOWED = "lint.shadowed"
    OVERRULED = "lint.overruled"
    CONFLICT = "lint.conflict"
    ORPHAN_ROLE = "lint.orphan_role"
    EMPTY_GROUP = "lint.empty_group"
    NO_APPROVER = "lint.no_approver"


@dataclass(frozen=True)
class Finding:
    """One finding about one policy; `link` leads to where it is mended.

    One that is about something else has no policy, and names it in `about`.
    """

    code: LintCode
    severity: Severity
    policy: str
    field: str
    message: str
    remedy: str
    link: str = ""
    about: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the JSON form."""
        return {
            "code": self.code.value,
            "severity": self.severity.value,
            "policy": self.policy,
            "field": self.field,
            "message": self.message,
            "remedy": self.remedy,
            "link": self.link,
            "about": self.about,
        }

    def as_problem(self) -> Problem:
        """Return the reason for which a policy with this finding is not saved."""
        return Problem(
            ProblemCode(self.code.value), self.field, self.message, self.remedy
        )


def worst_first(found: list[Finding]) -> list[Finding]:
    """Return findings, errors before the rest, by policy."""
    return sorted(
        found, key=lambda one: (one.severity.rank, one.policy, one.about, one.code)
    )
