"""Run the tests that stand beside a policy.

A test is judged by the statements of its own policy, everything else being denied, and
by the evaluator that answers questions in life. What errs there denies here too. When
a policy takes effect and ends has no part in it: a test asks what the statements say.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from engine.cedar import GROUP_TYPE
from engine.decide import EVALUATION_ERROR, Decision, Placed, PolicyEngine, Request
from engine.errors import ContextError
from protocol.records import (
    ALLOW,
    DENY,
    STANDING,
    AssignmentRecord,
    CaseRecord,
    EntityRef,
    PolicyRecord,
    Record,
    ResourceRecord,
    Statement,
    principal_id,
)

NODE_GROUPS = "node_groups"


@dataclass(frozen=True)
class CaseResult:
    """What became of one test.

    `determining` are the statements that decided, `errors` are codes and `details` what
    happened in words that quote the policy.
    """

    case: CaseRecord
    passed: bool
    expected: str
    got: str
    reason: str
    errors: tuple[str, ...] = ()
    determining: tuple[str, ...] = ()
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class SelfTest:
    """How the tests of a release fared; `failed` holds those that did not pass."""

    passed: int = 0
    failed: tuple[CaseResult, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the ids of the tests that failed."""
        return tuple(result.case.id for result in self.failed)


@dataclass(frozen=True)
class Bench:
    """The statements of one policy, alone, ready to be asked."""

    effect: str
    statements: tuple[Statement, ...]
    _engine: PolicyEngine = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # One policy for each statement, so that a decision names the statement.
        policies = [
            PolicyRecord(one.id, one.id, 1, self.effect, "admin", (one,), "test")
            for one in self.statements
        ]
        engine = PolicyEngine.from_records(policies, {})
        object.__setattr__(self, "_engine", engine)

    def run(self, case: CaseRecord) -> CaseResult:
        """Ask what a test asks, and compare the answer."""
        decision = self.decide(case)
        got = ALLOW if decision.allowed else DENY
        fits = case.reason is None or case.reason == decision.reason
        return CaseResult(
            case,
            passed=got == case.expect and fits,
            expected=case.expect,
            got=got,
            reason=decision.reason,
            errors=decision.errors,
            determining=decision.determining,
            details=decision.details,
        )

    def decide(self, case: CaseRecord) -> Decision:
        """Answer the question of a test; what cannot be asked is denied."""
        engine = self.engine_for(case)
        try:
            return engine.decide(question_of(case))
        except ContextError as error:
            return Decision(
                allowed=False,
                reason=EVALUATION_ERROR,
                errors=(error.code,),
                details=(error.message,),
            )

    def place(self, case: CaseRecord) -> tuple[PolicyEngine, Placed]:
        """Return the engine of a test and its question, with the roles that count."""
        engine = self.engine_for(case)
        return engine, engine.place(question_of(case))

    def engine_for(self, case: CaseRecord) -> PolicyEngine:
        """Return an engine that knows of nothing but what the test gives."""
        zones = {name: [[0, offset]] for name, offset in case.offsets.items()}
        return self._engine.carried_on(_entities(case), zones)


def run_case(
    effect: str,
    statements: Sequence[Statement],
    case: CaseRecord,
) -> CaseResult:
    """Run one test against the statements of its policy."""
    return Bench(effect, tuple(statements)).run(case)


def self_test(
    policies: Iterable[PolicyRecord],
    cases: Iterable[CaseRecord],
) -> SelfTest:
    """Run the tests of a release; one whose policy is not in it has failed."""
    known: dict[str, list[PolicyRecord]] = {}
    for policy in policies:
        known.setdefault(policy.id, []).append(policy)
    found: dict[str, list[CaseRecord]] = {}
    for case in cases:
        found.setdefault(case.policy, []).append(case)
    results = [
        result
        for ident in sorted(found)
        for result in _run_all(known.get(ident, []), found[ident])
    ]
    failed = tuple(result for result in results if not result.passed)
    return SelfTest(len(results) - len(failed), failed)


def question_of(case: CaseRecord) -> Request:
    """Return what a test asks."""
    context = {k: v for k, v in case.context.items() if k != NODE_GROUPS}
    groups = case.context.get(NODE_GROUPS)
    known = isinstance(groups, list) and all(isinstance(one, str) for one in groups)
    return Request(
        principal=case.principal,
        action=case.action,
        resource=case.resource,
        now=case.moment.astimezone(dt.UTC),
        context=context,
        principal_attributes=case.principal_attributes,
        resource_attributes=case.resource_attributes,
        node_groups=tuple(groups or ()) if known else None,
    )


def _run_all(
    policies: Sequence[PolicyRecord],
    cases: Sequence[CaseRecord],
) -> Iterator[CaseResult]:
    if not policies:
        for case in cases:
            yield CaseResult(
                case, passed=False, expected=case.expect, got=DENY, reason="no_policy"
            )
        return
    newest = max(policies, key=lambda policy: policy.version)
    bench = Bench(newest.effect, newest.statements)
    for case in sorted(cases, key=lambda one: one.id):
        yield bench.run(case)


def _entities(case: CaseRecord) -> list[Record]:
    """Return the roles and groups of a test as records of a release."""
    groups = tuple(EntityRef(GROUP_TYPE, name) for name in case.groups)
    held: list[Record] = [
        AssignmentRecord(f"{case.id}/{role}", case.principal, role, source=STANDING)
        for role in case.roles
    ]
    place = ResourceRecord(principal_id(case.resource), case.resource, {}, groups)
    return [*held, place]
