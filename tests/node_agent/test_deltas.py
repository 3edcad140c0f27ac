"""A node follows by deltas, believes only signed ones, and falls back to snapshots."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tuf.api.metadata import Metadata, Targets

from node_agent.config import load_key
from node_agent.content import STATE_PATH
from node_agent.state import AgentState
from node_agent.steps import Step, Trace
from protocol.bundle import read_state
from protocol.canonical import canonical_bytes
from protocol.envelope import compress, pack_envelope, unpack_envelope
from protocol.errors import ProtocolError
from protocol.records import AssignmentRecord, Record
from protocol.trust import TARGET_PATH, DeltaTarget
from tests.node_agent.conftest import Enroll, EnrolledNode
from tests.node_agent.test_link import Agent
from tests.node_agent.test_state import ask, die_at, in_child
from tests.simulators.edge import EdgeSimulator
from tests.simulators.releases import (
    ALICE,
    BOB,
    Files,
    ReleaseSimulator,
    forbid,
    permit,
    records,
)

GRANT = AssignmentRecord("assignment-2", principal=BOB, role="operators")


def holding_first(node: EnrolledNode) -> AgentState:
    node.portal.publish(records())
    state = node.state()
    state.accept(node.portal.envelope())
    return state


def refused(state: AgentState, envelope: bytes) -> tuple[Step, str]:
    """Return where and why an answer was refused."""
    trace = Trace()
    with pytest.raises(ProtocolError) as raised:
        state.accept(envelope, trace=trace)
    return trace.results[-1].step, raised.value.code


def test_a_grant_comes_as_a_delta(node: EnrolledNode) -> None:
    state = holding_first(node)
    assert not ask(state, BOB).allowed
    node.portal.publish(records(GRANT))
    accepted = state.accept(node.portal.delta_envelope(1))
    assert accepted.is_change
    assert accepted.release.fingerprint == node.portal.state_digest
    assert ask(state, BOB).allowed


def test_a_revocation_comes_as_a_delta(node: EnrolledNode) -> None:
    node.portal.publish(records(GRANT))
    state = node.state()
    state.accept(node.portal.envelope())
    node.portal.publish(records())
    state.accept(node.portal.delta_envelope(1))
    assert not ask(state, BOB).allowed
    assert ask(state, ALICE).allowed


def test_a_policy_comes_as_a_delta(node: EnrolledNode) -> None:
    state = holding_first(node)
    node.portal.publish(records(forbid("stop")))
    state.accept(node.portal.delta_envelope(1))
    assert not ask(state, ALICE).allowed


def test_many_deltas_later_the_state_is_that_of_the_snapshot(
    node: EnrolledNode,
) -> None:
    state = holding_first(node)
    for number in range(2, 8):
        more: list[Record] = [GRANT] if number % 2 else [forbid(f"f-{number}")]
        node.portal.publish(records(*more))
        state.accept(node.portal.delta_envelope(number - 1))
        assert state.active is not None
        assert state.active.manifest == node.portal.contents[number].manifest
    assert ask(state, BOB).allowed


def test_a_node_some_releases_behind_takes_one_delta(node: EnrolledNode) -> None:
    state = holding_first(node)
    for number in range(3):
        node.portal.publish(records(forbid(f"f-{number}")))
    node.portal.publish(records(GRANT))
    assert state.accept(node.portal.delta_envelope(1)).release.revision == 5
    assert ask(state, BOB).allowed


def test_a_restart_finds_the_release_that_came_as_a_delta(node: EnrolledNode) -> None:
    state = holding_first(node)
    node.portal.publish(records(GRANT))
    state.accept(node.portal.delta_envelope(1))
    assert not (node.paths.current / TARGET_PATH).exists()
    restarted = node.state()
    trace = Trace()
    assert restarted.load(trace=trace).revision == 2
    assert all(result.passed for result in trace.results)
    assert ask(restarted, BOB).allowed
    # And goes on from there.
    node.portal.publish(records())
    assert restarted.accept(node.portal.delta_envelope(2)).release.revision == 3
    assert not ask(restarted, BOB).allowed


def test_a_snapshot_after_deltas_is_stored_as_one(node: EnrolledNode) -> None:
    state = holding_first(node)
    node.portal.publish(records(GRANT))
    state.accept(node.portal.delta_envelope(1))
    node.portal.publish(records())
    state.accept(node.portal.envelope())
    assert (node.paths.current / TARGET_PATH).exists()
    assert not (node.paths.current / STATE_PATH).exists()
    assert node.state().load().revision == 3


def edited_state(node: EnrolledNode, old: bytes, new: bytes) -> None:
    path = node.paths.current / STATE_PATH
    blob = path.read_bytes()
    assert blob.count(old) >= 1
    assert len(old) == len(new)
    path.write_bytes(blob.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # A record, the manifest's own words, and how old permits may grow.
        (b'"role":"operators"', b'"role":"operatorz"'),
        (b'"created":"2', b'"created":"3'),
        (b'"admin":300', b'"admin":999'),
    ],
)
def test_a_stored_state_that_was_edited_is_not_enforced(
    node: EnrolledNode, old: bytes, new: bytes
) -> None:
    state = holding_first(node)
    node.portal.publish(records(GRANT))
    state.accept(node.portal.delta_envelope(1))
    read_state((node.paths.current / STATE_PATH).read_bytes())
    edited_state(node, old, new)
    with pytest.raises(ProtocolError) as raised:
        node.state().load()
    assert raised.value.code == "bundle.digest_mismatch"


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[Files], Files]:
    """Return a tamperer that changes the delta on its way."""

    def tamper(files: Files) -> Files:
        value = json.loads(files["delta-1.json"])
        change(value)
        return {**files, "delta-1.json": canonical_bytes(value)}

    return tamper


def without(name: str) -> Callable[[Files], Files]:
    return lambda files: {k: v for k, v in files.items() if name not in k}


@pytest.mark.parametrize(
    ("tamper", "code"),
    [
        (edited(lambda v: v["records"]["add"].clear()), "bundle.tampered"),
        (edited(lambda v: v["manifest"].update(max_age={})), "bundle.tampered"),
        (
            lambda f: {**f, "delta-1.json": f["delta-1.json"][:-1]},
            "bundle.tampered",
        ),
        (without("delta-1.json"), "bundle.malformed"),
        (without("targets.json"), "bundle.unsigned"),
    ],
    ids=["a record", "the manifest", "cut short", "no delta", "no signatures"],
)
def test_a_delta_that_is_not_the_signed_one_is_refused(
    node: EnrolledNode, tamper: Callable[[Files], Files], code: str
) -> None:
    state = holding_first(node)
    node.portal.publish(records(GRANT))
    before = node.trust_files()
    envelope = pack_envelope(tamper(node.portal.delta_files(1)))
    assert refused(state, envelope) == (Step.SIGNATURES, code)
    assert state.active is not None
    assert state.active.revision == 1
    assert node.trust_files() == before
    # The snapshot is taken all the same.
    assert state.accept(node.portal.envelope()).release.revision == 2


def signed_wrong(change: Callable[[dict[str, Any]], object]) -> Any:
    def delta(built: DeltaTarget) -> DeltaTarget:
        value = json.loads(built.blob)
        change(value)
        return replace(built, blob=canonical_bytes(value))

    return delta


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda v: v["records"]["add"].clear(), "bundle.digest_mismatch"),
        (lambda v: v["manifest"].update(created="x"), "bundle.digest_mismatch"),
        (lambda v: v["from"].update(revision=7), "delta.other_base"),
        (lambda v: v["from"].update(state_digest="x"), "delta.other_base"),
        (lambda v: v["records"]["remove"].append(["role", "x"]), "delta.other_base"),
        (lambda v: v.update(more=1), "delta.malformed"),
    ],
    ids=["records", "manifest", "revision", "digest", "removal", "field"],
)
def test_even_a_signed_delta_must_arrive_at_the_signed_state(
    node: EnrolledNode, change: Callable[[dict[str, Any]], object], code: str
) -> None:
    state = holding_first(node)
    node.portal.publish(records(GRANT), delta=signed_wrong(change))
    assert refused(state, node.portal.delta_envelope(1)) == (Step.CONTENT, code)
    assert not ask(state, BOB).allowed


def test_a_delta_signed_for_another_base_is_refused(node: EnrolledNode) -> None:
    state = holding_first(node)
    other = "sha256:" + "a" * 64

    def elsewhere(built: DeltaTarget) -> DeltaTarget:
        return replace(built, base=replace(built.base, state_digest=other))

    node.portal.publish(records(GRANT), delta=elsewhere)
    envelope = node.portal.delta_envelope(1)
    assert refused(state, envelope) == (Step.SIGNATURES, "delta.other_base")


def test_a_delta_from_a_revision_that_is_not_held_is_refused(
    node: EnrolledNode,
) -> None:
    state = holding_first(node)
    node.portal.publish(records(GRANT))
    node.portal.publish(records())
    envelope = node.portal.delta_envelope(2)
    assert refused(state, envelope) == (Step.SIGNATURES, "bundle.malformed")


def test_a_node_that_holds_nothing_takes_no_delta(node: EnrolledNode) -> None:
    node.portal.publish(records())
    node.portal.publish(records(GRANT))
    envelope = node.portal.delta_envelope(1)
    assert refused(node.state(), envelope) == (Step.SIGNATURES, "bundle.malformed")


def test_a_delta_that_was_taken_before_is_refused(node: EnrolledNode) -> None:
    state = holding_first(node)
    node.portal.publish(records(GRANT))
    revoking = node.portal.delta_envelope(1)
    state.accept(revoking)
    assert refused(state, revoking)[0] is Step.SIGNATURES
    node.portal.publish(records())
    state.accept(node.portal.delta_envelope(2))
    # Playing the grant again does not bring it back.
    assert refused(state, revoking) == (Step.SIGNATURES, "bundle.rollback")
    assert not ask(state, BOB).allowed


def test_a_delta_of_another_tenant_is_refused(node: EnrolledNode) -> None:
    state = holding_first(node)
    other = ReleaseSimulator(keys=node.portal.keys)
    other.publish(records())
    other.sign_timestamp()
    other.publish(records(GRANT))
    assert refused(state, other.delta_envelope(1)) == (
        *(Step.TENANT, "bundle.wrong_tenant"),
    )


def test_a_release_without_a_digest_of_its_manifest_is_not_taken_as_a_delta(
    node: EnrolledNode,
) -> None:
    state = holding_first(node)
    node.portal.publish(records(GRANT), claim=lambda c: replace(c, manifest_digest=""))
    assert refused(state, node.portal.delta_envelope(1)) == (
        *(Step.CONTENT, "bundle.digest_mismatch"),
    )
    assert state.accept(node.portal.envelope()).release.revision == 2


def test_what_a_portal_calls_a_stored_state_is_not_believed(
    node: EnrolledNode,
) -> None:
    state = holding_first(node)
    node.portal.publish(records(GRANT))
    files = without("delta-1.json")(node.portal.delta_files(1))
    stored = {**files, STATE_PATH: (node.paths.current / TARGET_PATH).read_bytes()}
    assert refused(state, pack_envelope(stored))[0] is Step.SIGNATURES


def test_a_statement_that_lies_is_refused_in_a_delta_too(node: EnrolledNode) -> None:
    state = holding_first(node)
    lie = permit("more", action="restart")
    (statement,) = lie.statements
    cedar = statement.cedar.replace("restart", "destroy")
    lie = replace(lie, statements=(replace(statement, cedar=cedar),))
    node.portal.publish(records(lie))
    envelope = node.portal.delta_envelope(1)
    assert refused(state, envelope) == (Step.ENGINE, "record.head_mismatch")


def test_two_statements_with_one_id_are_refused_in_a_delta_too(
    node: EnrolledNode,
) -> None:
    state = holding_first(node)
    twin = replace(permit("restart-nodes"), id="twin")
    node.portal.publish(records(twin))
    envelope = node.portal.delta_envelope(1)
    assert refused(state, envelope) == (Step.ENGINE, "record.duplicate")


def test_an_envelope_that_inflates_without_end_is_refused(node: EnrolledNode) -> None:
    state = holding_first(node)
    bomb = compress(b"\0" * (65 * 1024 * 1024))
    assert refused(state, bomb) == (Step.ARCHIVE, "bundle.too_large")


def test_a_delta_is_a_fraction_of_the_snapshot(node: EnrolledNode) -> None:
    many = [permit(f"p-{n}") for n in range(300)]
    node.portal.publish(records(*many))
    node.portal.publish(records(*many, GRANT))
    assert len(node.portal.delta_envelope(1)) < len(node.portal.envelope()) / 3
    assert "delta-1.json" in unpack_envelope(node.portal.delta_envelope(1))


def test_kill_9_at_any_call_of_a_delta_leaves_one_release_whole(
    node: EnrolledNode,
) -> None:
    holding_first(node)
    node.portal.publish(records(GRANT))
    envelope = node.portal.delta_envelope(1)
    untouched = node.paths.folder.with_name("untouched")
    shutil.copytree(node.paths.folder, untouched, symlinks=True)
    seen = set()
    for count in range(1, 500):

        def work(count: int = count) -> None:
            state = node.state()
            state.load()
            die_at(count)()
            state.accept(envelope)

        ended = in_child(work)
        restarted = node.state()
        restarted.sweep()
        revision = restarted.load().revision
        seen.add(revision)
        targets = Metadata[Targets].from_bytes(
            (node.paths.current / "tuf" / "targets.json").read_bytes()
        )
        assert targets.signed.version == revision
        assert ask(restarted, BOB).allowed is (revision == 2)
        answer = envelope if revision == 1 else node.portal.envelope()
        assert restarted.accept(answer).release.revision == 2
        shutil.rmtree(node.paths.folder)
        shutil.copytree(untouched, node.paths.folder, symlinks=True)
        if not os.WIFSIGNALED(ended):
            assert os.WEXITSTATUS(ended) == 0
            break
    else:
        pytest.fail("the agent never got to the end")
    assert count > 20
    assert seen == {1, 2}


@pytest.fixture
def served(enroll: Enroll, edge: EdgeSimulator) -> EnrolledNode:
    """Return a node that the edge knows, and a first release to hold."""
    found = enroll(edge=edge.url)
    edge.nodes[found.identity.node] = load_key(found.paths).public_key()
    edge.publish(records())
    return found


@pytest.fixture
def agent(served: EnrolledNode) -> Agent:
    return Agent(served)


def test_a_running_agent_asks_for_deltas_and_follows_them(
    agent: Agent, served: EnrolledNode, edge: EdgeSimulator
) -> None:
    with agent.running(edge):
        edge.wait_for_report(revision=1, error="")
        edge.publish(records(GRANT))
        edge.wait_for_report(revision=2, error="")
        assert ask(agent.state, BOB).allowed
    assert "A-IM" in edge.syncs[1]
    assert not (served.paths.current / TARGET_PATH).exists()


def test_a_bad_delta_is_discarded_and_the_snapshot_fetched_at_once(
    agent: Agent, served: EnrolledNode, edge: EdgeSimulator
) -> None:
    edge.tamper_delta = edited(lambda v: v["records"]["add"].clear())
    with agent.running(edge):
        edge.wait_for_report(revision=1, error="")
        edge.publish(records(GRANT))
        edge.wait_for_report(revision=2, error="")
        assert ask(agent.state, BOB).allowed
    assert (served.paths.current / TARGET_PATH).exists()
    # It asked for a whole release to begin with, and then once more.
    asked_whole = [s for s in edge.syncs if not s["If-None-Match"]]
    assert len(asked_whole) == 2
    assert "A-IM" not in asked_whole[1]


def test_after_a_snapshot_the_agent_takes_deltas_again(
    agent: Agent, served: EnrolledNode, edge: EdgeSimulator
) -> None:
    edge.tamper_delta = without("delta-1.json")
    with agent.running(edge):
        edge.wait_for_report(revision=1, error="")
        edge.publish(records(GRANT))
        edge.wait_for_report(revision=2, error="")
        edge.publish(records())
        edge.wait_for_report(revision=3, error="")
    assert (served.paths.current / STATE_PATH).exists()
