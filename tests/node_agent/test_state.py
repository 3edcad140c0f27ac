"""Steps 9 and 10, restarts, crashes, and how old a release may be."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from tuf.api.metadata import Metadata, Targets, Timestamp

from engine.decide import Decision, Request
from node_agent.errors import NothingStoredError, StateError
from node_agent.state import AgentState, Freshness, exclusive, utc_now
from node_agent.steps import Step, Trace
from protocol.errors import ProtocolError
from protocol.records import EntityRef
from tests.node_agent.conftest import EnrolledNode
from tests.simulators.releases import ALICE, BOB, NODE, forbid, records


def ask(state: AgentState, principal: EntityRef = ALICE) -> Decision:
    request = Request(
        principal=principal, action="restart", resource=NODE, now=utc_now()
    )
    return state.decide(request, state.active)


def accept_first(node: EnrolledNode) -> AgentState:
    node.portal.publish(records())
    state = node.state()
    state.accept(node.portal.envelope())
    return state


def timestamp_version(node: EnrolledNode) -> int:
    stored = node.paths.current / "tuf" / "timestamp.json"
    return Metadata[Timestamp].from_bytes(stored.read_bytes()).signed.version


def test_without_a_release_everything_is_denied(node: EnrolledNode) -> None:
    decision = ask(node.state())
    assert (decision.allowed, decision.reason) == (False, "no_release")


def test_an_accepted_release_answers(node: EnrolledNode) -> None:
    state = accept_first(node)
    assert ask(state, ALICE).allowed
    assert not ask(state, BOB).allowed


def test_the_next_release_replaces_the_first(node: EnrolledNode) -> None:
    state = accept_first(node)
    node.portal.publish(records(forbid("stop")))
    accepted = state.accept(node.portal.envelope())
    assert accepted.is_change
    assert accepted.release.revision == 2
    assert not ask(state, ALICE).allowed


def test_the_same_release_again_is_no_change(node: EnrolledNode) -> None:
    state = accept_first(node)
    first = state.active
    node.portal.sign_timestamp()
    accepted = state.accept(node.portal.envelope())
    assert not accepted.is_change
    assert state.active is first


def test_a_restarted_agent_answers_without_the_edge(node: EnrolledNode) -> None:
    accept_first(node)
    state = node.state()
    assert state.load().fingerprint == node.portal.state_digest
    assert ask(state, ALICE).allowed


def test_an_agent_that_was_off_for_days_starts_but_knows_its_age(
    node: EnrolledNode,
) -> None:
    accept_first(node)
    with time_machine.travel(utc_now() + dt.timedelta(days=3), tick=True):
        state = node.state()
        state.load()
        assert 3 * 86_400 <= state.age_seconds() < 3 * 86_400 + 60


def test_nothing_on_disk_is_said_as_such(node: EnrolledNode) -> None:
    with pytest.raises(NothingStoredError):
        node.state().load()


def damage_bundle(node: EnrolledNode) -> None:
    path = node.paths.current / "bundle.tar.gz"
    blob = path.read_bytes()
    path.write_bytes(blob[:-1] + bytes([blob[-1] ^ 1]))


def damage_targets(node: EnrolledNode) -> None:
    path = node.paths.current / "tuf" / "targets.json"
    path.write_bytes(path.read_bytes().replace(b'"length":', b'"length":1'))


def damage_times(node: EnrolledNode) -> None:
    (node.paths.current / "freshness.json").write_text('{"confirmed_at": "noon"}')


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (damage_bundle, "bundle.tampered"),
        (damage_targets, "bundle.tampered"),
        (damage_times, "agent.state"),
    ],
)
def test_a_damaged_release_on_disk_is_not_enforced(
    node: EnrolledNode, damage: Callable[[EnrolledNode], None], code: str
) -> None:
    accept_first(node)
    damage(node)
    state = node.state()
    with pytest.raises(ProtocolError) as raised:
        state.load()
    assert raised.value.code == code
    assert ask(state).reason == "no_release"


@pytest.mark.parametrize("damage", [damage_bundle, damage_targets, damage_times])
def test_a_damaged_release_is_fetched_again(
    node: EnrolledNode, damage: Callable[[EnrolledNode], None]
) -> None:
    accept_first(node)
    damage(node)
    assert node.state().accept(node.portal.envelope()).is_change
    assert node.state().load().revision == 1


def test_a_restart_does_not_forget_what_is_too_old(node: EnrolledNode) -> None:
    accept_first(node)
    older = node.portal.envelope()
    node.portal.publish(records(forbid("stop")))
    node.state().accept(node.portal.envelope())
    # Not even when the bundle itself is lost.
    (node.paths.current / "bundle.tar.gz").unlink()
    with pytest.raises(ProtocolError) as raised:
        node.state().accept(older)
    assert raised.value.code == "bundle.rollback"


def test_the_timestamp_of_a_304_makes_the_release_fresh(node: EnrolledNode) -> None:
    state = accept_first(node)
    with time_machine.travel(utc_now() + dt.timedelta(minutes=5), tick=True):
        stamp = node.portal.sign_timestamp()
        assert state.age_seconds() >= 300
        assert state.confirm(stamp)
        assert state.age_seconds() < 60
        assert timestamp_version(node) == 2
        restarted = node.state()
        restarted.load()
        assert restarted.age_seconds() < 60


def test_the_same_timestamp_again_makes_nothing_fresh(node: EnrolledNode) -> None:
    state = accept_first(node)
    with time_machine.travel(utc_now() + dt.timedelta(minutes=5), tick=True):
        assert not state.confirm(node.portal.timestamp)
        assert state.age_seconds() >= 300


def test_the_same_envelope_again_makes_nothing_fresh(node: EnrolledNode) -> None:
    state = accept_first(node)
    with time_machine.travel(utc_now() + dt.timedelta(minutes=5), tick=True):
        state.accept(node.portal.envelope())
        assert state.age_seconds() >= 300


def refused_stamp(state: AgentState, stamp: bytes) -> str:
    with pytest.raises(ProtocolError) as raised:
        state.confirm(stamp)
    return raised.value.code


def test_an_older_timestamp_is_refused(node: EnrolledNode) -> None:
    state = accept_first(node)
    older = node.portal.timestamp
    state.confirm(node.portal.sign_timestamp())
    assert refused_stamp(state, older) == "bundle.rollback"
    assert timestamp_version(node) == 2


def test_an_expired_timestamp_is_refused(node: EnrolledNode) -> None:
    state = accept_first(node)
    node.portal.lifetime = dt.timedelta(seconds=-1)
    assert refused_stamp(state, node.portal.sign_timestamp()) == "bundle.expired"
    assert timestamp_version(node) == 1


def test_a_timestamp_that_others_signed_is_refused(node: EnrolledNode) -> None:
    state = accept_first(node)
    keys = node.portal.keys
    node.portal.keys = replace(keys, timestamp=keys.snapshot)
    assert refused_stamp(state, node.portal.sign_timestamp()) == "bundle.unsigned"


def test_a_timestamp_of_a_release_that_is_withheld_is_refused(
    node: EnrolledNode,
) -> None:
    state = accept_first(node)
    node.portal.publish(records(forbid("stop")))
    assert refused_stamp(state, node.portal.timestamp) == "bundle.withheld"
    assert timestamp_version(node) == 1


def test_turning_the_clock_back_makes_nothing_young() -> None:
    confirmed = utc_now()
    freshness = Freshness(confirmed, monotonic=100.0)
    assert freshness.age(confirmed - dt.timedelta(days=1), monotonic=400.0) == 300
    assert freshness.age(confirmed + dt.timedelta(days=1), monotonic=400.0) == 86_400


@pytest.mark.parametrize(
    ("back", "age"), [(dt.timedelta(seconds=30), 0), (dt.timedelta(hours=1), None)]
)
def test_a_clock_before_the_last_contact_is_not_believed_after_a_restart(
    back: dt.timedelta, age: float | None
) -> None:
    confirmed = utc_now()
    found = Freshness(confirmed, monotonic=None).age(confirmed - back, monotonic=0.0)
    assert found == (float("inf") if age is None else age)


def test_two_agents_do_not_share_a_folder(node: EnrolledNode) -> None:
    with (
        exclusive(node.paths),
        pytest.raises(StateError),
        exclusive(node.paths),
    ):
        pass


def test_old_releases_do_not_pile_up(node: EnrolledNode) -> None:
    state = accept_first(node)
    for n in range(4):
        node.portal.publish(records(forbid(f"stop-{n}")))
        state.accept(node.portal.envelope())
    folders = [p for p in node.paths.bundle.iterdir() if p.name != "current"]
    # The one before the current stays until the next, for readers that have it open.
    assert len(folders) == 2


def test_a_full_disk_keeps_the_new_release_in_force(
    node: EnrolledNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A revocation must take effect even where it cannot be stored."""
    state = accept_first(node)
    node.portal.publish(records(forbid("stop")))
    trace = Trace()

    def full(_self: Path, _target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(StateError):
        state.accept(node.portal.envelope(), trace=trace)
    assert trace.results[-1].step is Step.STORE
    assert not ask(state, ALICE).allowed
    monkeypatch.undo()
    assert node.state().load().revision == 1


SYSTEM_CALLS = (
    *((os, name) for name in ("fsync", "mkdir", "symlink", "open")),
    *((Path, name) for name in ("rename", "replace", "symlink_to", "write_bytes")),
    (os, "replace"),
    (shutil, "rmtree"),
)


def die_at(count: int) -> Callable[[], None]:
    """Make this process kill itself before its n-th call that touches the disk."""
    left = [count]

    def guard(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **kwargs)

        return call

    def arm() -> None:
        for owner, name in SYSTEM_CALLS:
            setattr(owner, name, guard(getattr(owner, name)))

    return arm


def in_child(work: Callable[[], object]) -> int:
    """Run in a forked copy; return how it ended."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


def test_kill_9_at_any_call_leaves_one_release_whole(node: EnrolledNode) -> None:
    accept_first(node)
    node.portal.publish(records(forbid("stop")))
    envelope = node.portal.envelope()
    untouched = node.paths.folder.with_name("untouched")
    shutil.copytree(node.paths.folder, untouched, symlinks=True)
    seen = set()
    for count in range(1, 500):

        def work(count: int = count) -> None:
            state = node.state()
            die_at(count)()
            state.accept(envelope)

        ended = in_child(work)
        restarted = node.state()
        restarted.sweep()
        revision = restarted.load().revision
        seen.add(revision)
        # Bundle and trust metadata moved together, or not at all.
        targets = Metadata[Targets].from_bytes(
            (node.paths.current / "tuf" / "targets.json").read_bytes()
        )
        assert targets.signed.version == revision
        # Whatever happened, the agent gets to the new release afterwards.
        assert restarted.accept(envelope).release.revision == 2
        shutil.rmtree(node.paths.folder)
        shutil.copytree(untouched, node.paths.folder, symlinks=True)
        if not os.WIFSIGNALED(ended):
            assert os.WEXITSTATUS(ended) == 0
            break
    else:
        pytest.fail("the agent never got to the end")
    assert count > 20
    assert seen == {1, 2}


@pytest.mark.parametrize("content", ["", "[]", "{", '{"confirmed_at": "2026-01-01"}'])
def test_a_note_on_disk_that_is_none_is_said_as_such(
    node: EnrolledNode, content: str
) -> None:
    accept_first(node)
    (node.paths.current / "freshness.json").write_text(content)
    with pytest.raises(StateError):
        node.state().load()


def test_a_release_too_old_for_its_tier_permits_nothing(node: EnrolledNode) -> None:
    """The policy is of the admin tier, which may grow 300 seconds old."""
    state = accept_first(node)
    with time_machine.travel(utc_now() + dt.timedelta(seconds=290), tick=False):
        assert ask(state).allowed
    with time_machine.travel(utc_now() + dt.timedelta(seconds=310), tick=False):
        decision = ask(state)
        assert (decision.allowed, decision.reason) == (False, "stale")


def test_an_agent_without_its_root_does_not_start(node: EnrolledNode) -> None:
    node.paths.root.unlink()
    with pytest.raises(StateError):
        node.state()


class Listening:
    """An engine that keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def decide(self, request: Request, **_freshness: object) -> Decision:
        self.asked.append(request)
        return Decision(allowed=False, reason="forbidden")


def test_the_node_names_its_own_groups_whatever_was_asked(node: EnrolledNode) -> None:
    state = AgentState(node.paths, replace(node.identity, groups=("edge",)))
    engine = Listening()
    request = Request(
        principal=ALICE,
        action="restart",
        resource=NODE,
        now=utc_now(),
        context={"node_groups": ["branch"]},
        node_groups=("branch",),
    )
    release: Any = SimpleNamespace(engine=engine, manifest=SimpleNamespace(max_age={}))
    state.decide(request, release)
    (asked,) = engine.asked
    assert asked.node_groups == ("edge",)
