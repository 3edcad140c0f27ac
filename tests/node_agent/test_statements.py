"""A release whose records and texts disagree does not get into force."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node_agent.statements import check_statements
from node_agent.steps import Step, Trace
from protocol.errors import ProtocolError
from protocol.records import Head, PolicyRecord
from tests.node_agent.conftest import EnrolledNode
from tests.simulators.releases import forbid, permit, records


def with_statement(policy: PolicyRecord, **changed: object) -> PolicyRecord:
    statement = replace(policy.statements[0], **changed)  # type: ignore[arg-type]  # the tests know the fields
    return replace(policy, statements=(statement,))


def code_of(*policies: PolicyRecord) -> str:
    with pytest.raises(ProtocolError) as raised:
        check_statements(policies)
    return raised.value.code


def test_true_statements_pass_and_are_counted() -> None:
    policies = [permit(f"policy-{n}") for n in range(120)]
    assert check_statements([*records(), *policies]) == 121


def test_a_forbid_that_hides_behind_its_head_is_found() -> None:
    """The index would look for it only where principals are named eve."""
    lying = with_statement(forbid("stop"), principal=Head("==", "User", "eve"))
    assert code_of(forbid("other"), lying) == "record.head_mismatch"


def test_a_forbid_that_is_recorded_as_a_permit_is_found() -> None:
    """A permit is dropped when the release is old; a forbid must not be."""
    lying = replace(forbid("stop"), effect="permit")
    assert code_of(lying) == "record.head_mismatch"


def test_a_second_statement_in_one_text_is_found() -> None:
    policy = permit("first")
    text = policy.statements[0].cedar
    more = text + "\n" + permit("second").statements[0].cedar
    assert code_of(with_statement(policy, cedar=more)) == "record.head_mismatch"


def test_a_text_that_is_not_cedar_is_found() -> None:
    assert code_of(with_statement(permit("first"), cedar="permit (")) == "cedar.syntax"


def test_an_id_that_is_used_twice_is_found() -> None:
    twin = replace(permit("first"), id="second")
    assert code_of(permit("first"), twin) == "record.duplicate"


def versions(end: str | None, start: str | None) -> tuple[PolicyRecord, PolicyRecord]:
    """Two versions of a policy whose statements share their ids."""
    return (
        replace(permit("first"), effective_until=end),
        replace(forbid("first"), id="first@2", version=2, effective_from=start),
    )


NOON = "2026-11-20T12:00:00Z"


def test_a_version_to_come_may_share_the_ids_of_the_one_it_follows() -> None:
    assert check_statements(versions(NOON, NOON)) == 2


@pytest.mark.parametrize(
    ("end", "start"), [(None, NOON), (NOON, None), ("2026-11-20T12:00:01Z", NOON)]
)
def test_versions_that_count_at_once_are_found(
    end: str | None, start: str | None
) -> None:
    assert code_of(*versions(end, start)) == "record.overlap"


def test_a_version_to_come_that_lies_is_found() -> None:
    before, after = versions(NOON, NOON)
    lying = with_statement(after, principal=Head("==", "User", "eve"))
    assert code_of(before, lying) == "record.head_mismatch"


def test_such_a_release_is_refused_before_it_is_enforced(node: EnrolledNode) -> None:
    lying = with_statement(forbid("stop"), principal=Head("==", "User", "eve"))
    node.portal.publish(records(lying))
    state, trace = node.state(), Trace()
    with pytest.raises(ProtocolError):
        state.accept(node.portal.envelope(), trace=trace)
    assert trace.results[-1].step is Step.ENGINE
    assert state.active is None
