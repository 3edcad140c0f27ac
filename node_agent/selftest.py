"""Run the tests that a release carries, before it gets into force.

A test names all that its answer depends on, so only those of policies that changed,
and those that changed themselves, have to be run again.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.selftest import SelfTest, self_test
from node_agent.errors import SelfTestFailedError
from protocol.delta import Changes
from protocol.records import CaseRecord, PolicyRecord, Record, RecordType

Key = tuple[str, str]


def run_self_test(records: Mapping[Key, Record], changes: Changes | None) -> SelfTest:
    """Return how the tests of a release fared, or raise SelfTestFailedError.

    With a delta only what it touched is run; the others passed before, and count.
    """
    cases = [record for record in records.values() if isinstance(record, CaseRecord)]
    touched = [case for case in cases if _is_touched(case, changes)]
    policies = [
        record
        for name in sorted({case.policy for case in touched})
        if isinstance(record := records.get(_key(name)), PolicyRecord)
    ]
    found = self_test(policies, touched)
    if found.failed:
        raise SelfTestFailedError(found)
    return SelfTest(passed=len(cases))


def _is_touched(case: CaseRecord, changes: Changes | None) -> bool:
    if changes is None:
        return True
    return case.key in changes.touched or _key(case.policy) in changes.touched


def _key(policy: str) -> Key:
    return (RecordType.POLICY.value, policy)
