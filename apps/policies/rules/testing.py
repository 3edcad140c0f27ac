"""Run the tests of a policy, and say what is missing before it may be proposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.policies.rules.catalogue import Catalogue
from apps.policies.rules.problems import Problem, ProblemCode
from apps.policies.rules.testcases import TestCase, case_record
from engine.cedar import head_text
from engine.conditions import Scopes
from engine.coverage import Coverage, StatementCoverage, coverage, percent
from engine.selftest import Bench, CaseResult
from protocol.records import CaseRecord, Statement

_REASONS = {
    "permitted": "the policy permits it",
    "forbidden": "the policy forbids it",
    "no_matching_policy": "the policy does not apply",
    "evaluation_error": "a condition could not be evaluated",
}


@dataclass(frozen=True)
class TestReport:
    """How the tests of one policy fared, and what they tried."""

    # Not a test itself, whatever its name begins with.
    __test__ = False

    results: tuple[CaseResult, ...]
    coverage: Coverage

    @property
    def passed(self) -> int:
        """Return how many tests passed."""
        return sum(result.passed for result in self.results)

    @property
    def failed(self) -> int:
        """Return how many tests failed."""
        return len(self.results) - self.passed

    @property
    def problems(self) -> list[Problem]:
        """Return everything for which the policy may not be proposed."""
        failures = [
            _failure(n, result)
            for n, result in enumerate(self.results)
            if not result.passed
        ]
        return failures + [_untested(one) for one in self.coverage.uncovered]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "passed": self.passed,
            "failed": self.failed,
            "results": [_result(result) for result in self.results],
            "coverage": _coverage(self.coverage),
            "problems": [
                {
                    "code": problem.code.value,
                    "field": problem.field,
                    "message": problem.message,
                    "remedy": problem.remedy,
                }
                for problem in self.problems
            ],
        }


def run_policy_tests(
    cases: Sequence[TestCase],
    effect: str,
    statements: Sequence[Statement],
    catalogue: Catalogue,
) -> TestReport:
    """Run tests against the statements that a policy compiled to."""
    bench = Bench(effect, tuple(statements))
    records = case_records(cases, "p", statements, catalogue)
    results = tuple(bench.run(record) for record in records)
    scopes = Scopes(catalogue.windows.values(), catalogue.locations.values())
    return TestReport(results, coverage(bench, results, scopes))


def case_records(
    cases: Sequence[TestCase],
    policy_id: str,
    statements: Sequence[Statement],
    catalogue: Catalogue,
) -> tuple[CaseRecord, ...]:
    """Return tests with all that their answers depend on, as nodes run them."""
    known = {window.zone for window in catalogue.windows.values()}
    known.update(catalogue.zones)
    zones = [zone for zone in known if any(zone in one.cedar for one in statements)]
    return tuple(
        case_record(case, policy_id, ancestors=catalogue.ancestors, zones=zones)
        for case in cases
    )


def reason_words(result: CaseResult) -> str:
    """Say why the answer to a test is what it is."""
    return _REASONS.get(result.reason, result.reason)


def head_words(statement: Statement) -> str:
    """Return what a statement is about, as its head says it."""
    heads = {
        "principal": statement.principal,
        "action": statement.action,
        "resource": statement.resource,
    }
    return ", ".join(head_text(name, head) for name, head in heads.items())


def _failure(number: int, result: CaseResult) -> Problem:
    wanted = result.expected
    if result.case.reason:
        wanted = f"{wanted} because {result.case.reason}"
    return Problem(
        ProblemCode.TEST_FAILED,
        f"tests[{number}]",
        f"“{result.case.name}” expects {wanted} and gets {result.got}: "
        f"{reason_words(result)}.",
        "Mend the policy, or the test if what it expects is no longer wanted.",
    )


def _untested(one: StatementCoverage) -> Problem:
    return Problem(
        ProblemCode.FORBID_UNTESTED,
        "tests",
        f"No test is denied by the forbid ({head_words(one.statement)}).",
        "Keep one of the proposed tests, or add one that expects deny.",
    )


def _result(result: CaseResult) -> dict[str, Any]:
    return {
        "name": result.case.name,
        "passed": result.passed,
        "expected": result.expected,
        "got": result.got,
        "reason": result.reason,
        "errors": list(result.errors),
    }


def _coverage(found: Coverage) -> dict[str, Any]:
    shares = {
        "statements": found.reached,
        "conditions": found.outcomes,
        "forbids": found.forbids,
    }
    return {
        name: {"covered": share[0], "of": share[1], "percent": percent(share)}
        for name, share in shares.items()
    }
