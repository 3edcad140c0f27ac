"""A release that does not answer as its tests expect never gets into force."""

from __future__ import annotations

import datetime as dt
import json
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.decide import PolicyEngine, Request
from engine.selftest import run_case
from node_agent.config import load_key
from node_agent.errors import SelfTestFailedError
from node_agent.report import Report, ReportSigner
from node_agent.selftest import run_self_test
from node_agent.steps import Step, Trace
from protocol.channel import REPORT_TYPE
from protocol.delta import Changes, State
from protocol.envelope import dsse_verify
from protocol.records import (
    CaseRecord,
    EntityRef,
    PolicyRecord,
    Record,
    case_id,
)
from tests.engine.test_selftest import BROKEN
from tests.node_agent.conftest import EnrolledNode
from tests.simulators.releases import ALICE, forbid, permit, records

WEB = EntityRef("Node", "web-1")


def case(
    policy: str = "restart-nodes",
    name: str = "operators restart",
    expect: str = "allow",
    **changes: Any,
) -> CaseRecord:
    found = CaseRecord(
        case_id(policy, name),
        policy=policy,
        name=name,
        principal=EntityRef("User", "somebody"),
        resource=WEB,
        action="restart",
        at="2026-11-20T12:00:00Z",
        expect=expect,
        roles=("operators",),
    )
    return replace(found, **changes)


def asked(node_state: Any) -> bool:
    request = Request(ALICE, "restart", WEB, dt.datetime.now(dt.UTC))
    return bool(node_state.decide(request)[0].allowed)


def test_a_release_whose_tests_pass_gets_into_force(node: EnrolledNode) -> None:
    node.portal.publish(records(case()))
    state = node.state()
    trace = Trace()
    accepted = state.accept(node.portal.envelope(), trace=trace)
    assert accepted.self_test.passed == 1
    assert Step.SELF_TEST in [result.step for result in trace.results]


def test_a_release_whose_test_fails_changes_nothing(node: EnrolledNode) -> None:
    node.portal.publish(records())
    state = node.state()
    state.accept(node.portal.envelope())
    before = node.trust_files()
    node.portal.publish(records(case(expect="deny")))
    trace = Trace()
    with pytest.raises(SelfTestFailedError, match="restart-nodes#operators restart"):
        state.accept(node.portal.envelope(), trace=trace)
    assert trace.results[-1].step is Step.SELF_TEST
    assert trace.results[-1].code == "self_test_failed"
    assert state.active is not None
    assert state.active.revision == 1
    assert node.trust_files() == before


def test_a_delta_whose_test_fails_changes_nothing(node: EnrolledNode) -> None:
    node.portal.publish(records(case()))
    state = node.state()
    state.accept(node.portal.envelope())
    node.portal.publish(records(case(), case(name="more", expect="deny")))
    with pytest.raises(SelfTestFailedError, match="restart-nodes#more"):
        state.accept(node.portal.delta_envelope(1))


def test_a_release_on_disk_starts_without_running_its_tests_again(
    node: EnrolledNode,
) -> None:
    node.portal.publish(records(case()))
    node.state().accept(node.portal.envelope())
    trace = Trace()
    assert node.state().load(trace=trace).revision == 1
    assert Step.SELF_TEST not in [result.step for result in trace.results]


def changed(before: list[Record], after: list[Record]) -> tuple[State, Changes]:
    state = State.of(after)
    return state, Changes.between(State.of(before), state)


def test_after_a_delta_only_what_it_touched_is_run() -> None:
    # The first test would fail, but nothing of it or its policy was touched.
    wrong = case(expect="deny")
    before = records(wrong, permit("other"))
    state, changes = changed(before, records(wrong, permit("other"), case("other")))
    assert run_self_test(state.records, changes).passed == 2
    with pytest.raises(SelfTestFailedError):
        run_self_test(state.records, None)


def test_a_policy_that_changed_has_its_tests_run_again() -> None:
    good = case("other")
    before = [*records(), permit("other"), good]
    weaker = replace(permit("other", role="nobody"), version=2)
    state, changes = changed(before, [*records(), weaker, good])
    with pytest.raises(SelfTestFailedError, match="other#operators restart"):
        run_self_test(state.records, changes)


def test_a_test_outlives_its_policy_only_as_a_failure() -> None:
    good = case("other")
    state, changes = changed([*records(), permit("other"), good], [*records(), good])
    with pytest.raises(SelfTestFailedError):
        run_self_test(state.records, changes)


def test_a_report_says_how_many_tests_passed_and_which_failed(
    node: EnrolledNode,
) -> None:
    with pytest.raises(SelfTestFailedError) as caught:
        run_self_test(State.of(records(case(expect="deny"))).records, None)
    key = load_key(node.paths)
    report = Report(
        1, "sha256:x", None, None, None, caught.value.code, caught.value.found
    )
    body = ReportSigner(node.identity, key).sign(report)
    payload = dsse_verify(body, payload_type=REPORT_TYPE, public_key=key.public_key())
    assert payload["error"] == "self_test_failed"
    assert payload["self_test"] == {
        "passed": 0,
        "failed": 1,
        "names": ["restart-nodes#operators restart"],
    }
    assert json.dumps(payload)


def broken_policy(effect: str, condition: str) -> PolicyRecord:
    ident = "broken#0"
    plain = forbid("broken") if effect == "forbid" else permit("broken")
    (statement,) = plain.statements
    text = statement.cedar.replace(");", f") when {{ {condition} }};")
    return replace(plain, statements=(replace(statement, id=ident, cedar=text),))


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(condition=st.sampled_from(BROKEN), effect=st.sampled_from(["permit", "forbid"]))
def test_a_condition_that_errs_denies_in_life_in_a_test_and_on_a_node(
    condition: str, effect: str
) -> None:
    """Although another policy permits what is asked."""
    broken = broken_policy(effect, condition)
    tested = case("broken", expect="deny", reason="evaluation_error")
    release = records(broken, tested)
    request = Request(ALICE, "restart", WEB, dt.datetime(2026, 11, 20, tzinfo=dt.UTC))
    in_life = PolicyEngine.from_records(release, {}).decide(request)
    assert (in_life.allowed, in_life.reason) == (False, "evaluation_error")
    assert run_case(effect, broken.statements, tested).passed
    assert run_self_test(State.of(release).records, None).passed == 1


def test_a_thousand_tests_take_less_than_the_time_to_swap() -> None:
    policies = [permit(f"p{n}") for n in range(100)]
    cases = [case(one.id, f"t{n}") for one in policies for n in range(10)]
    state = State.of([*records(), *policies, *cases])
    started = time.process_time()
    assert run_self_test(state.records, None).passed == 1000
    # Of the processor, five times what it takes; the whole swap has 2 s.
    assert time.process_time() - started < 2
