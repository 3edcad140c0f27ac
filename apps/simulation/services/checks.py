"""Tests and lint of the policies that a change is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.policies import selectors as policies
from apps.policies.errors import PolicyInvalidError
from apps.policies.rules.lint import Severity

Content = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Checks:
    """What became of the tests of policies, and what lint says of them."""

    tests: dict[str, Any] = field(
        default_factory=lambda: {"passed": 0, "failed": 0, "policies": []}
    )
    lint: dict[str, Any] = field(
        default_factory=lambda: {"errors": 0, "warnings": 0, "findings": []}
    )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"tests": self.tests, "lint": self.lint}


def checks_of(contents: Iterable[Content]) -> Checks:
    """Test and lint policies against everything that stands in the database now.

    A content that does not compile any more counts as one failure, with its reasons.
    """
    found = Checks()
    for slug, content in contents:
        try:
            _test(slug, content, found.tests)
            _lint(slug, content, found.lint)
        except PolicyInvalidError as error:
            found.tests["failed"] += 1
            found.tests["policies"].append(_broken(slug, error))
    return found


def _test(slug: str, content: Mapping[str, Any], into: dict[str, Any]) -> None:
    report = policies.run_tests(content)
    into["passed"] += report.passed
    into["failed"] += report.failed
    into["policies"].append({"policy": slug, **report.to_dict()})


def _lint(slug: str, content: Mapping[str, Any], into: dict[str, Any]) -> None:
    found = policies.lint_draft(content, slug)
    into["errors"] += sum(one.severity is Severity.ERROR for one in found)
    into["warnings"] += sum(one.severity is Severity.WARNING for one in found)
    into["findings"] += [one.to_dict() for one in found]


def _broken(slug: str, error: PolicyInvalidError) -> dict[str, Any]:
    problems = [
        {"code": code, "field": field, "message": message, "remedy": remedy}
        for code, field, message, remedy in error.problems
    ]
    return {"policy": slug, "passed": 0, "failed": 1, "problems": problems}
