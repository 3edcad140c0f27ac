"""The link to the edge, over real HTTP."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from securesystemslib.signer import CryptoSigner

from node_agent import link
from node_agent.backoff import Backoff
from node_agent.config import load_key
from node_agent.errors import EdgeError, EdgeFailedError, EdgeRefusedError
from node_agent.link import Edge
from node_agent.report import Reporter, ReportSigner
from node_agent.state import Acceptance, AgentState
from node_agent.sync import StatusFile, SyncLoop
from protocol.errors import BundleTooLargeError, ProtocolError
from tests.node_agent.conftest import Enroll, EnrolledNode
from tests.simulators.edge import TOKEN, EdgeSimulator
from tests.simulators.releases import forbid, permit, records


@pytest.fixture
def node(enroll: Enroll, edge: EdgeSimulator) -> EnrolledNode:
    """Return a node that the edge knows."""
    found = enroll(edge=edge.url)
    edge.nodes[found.identity.node] = load_key(found.paths).public_key()
    return found


def connect(node: EnrolledNode) -> Edge:
    return Edge(node.identity.edge, identity=node.identity, key=load_key(node.paths))


class Agent:
    """The parts of a running agent, without its server."""

    def __init__(self, node: EnrolledNode, *, wait: int = 20) -> None:
        self.state: AgentState = node.state()
        self.status = StatusFile(node.paths)
        quick = Backoff(uniform=lambda _low, _high: 0.005)
        self.reporter = Reporter(
            ReportSigner(node.identity, load_key(node.paths)),
            connect(node),
            backoff=quick,
        )
        self.loop = SyncLoop(
            state=self.state,
            edge=connect(node),
            reporter=self.reporter,
            status=self.status,
            wait=wait,
            backoff=Backoff(uniform=lambda _low, _high: 0.005),
        )

    @contextmanager
    def running(self, edge: EdgeSimulator) -> Iterator[Agent]:
        threads = [
            threading.Thread(target=work) for work in (self.loop.run, self.reporter.run)
        ]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self.loop.stopping.set()
            self.reporter.stop()
            # Wakes the long poll, so that the thread sees that it should stop.
            edge.is_patient = False
            with edge.changed:
                edge.changed.notify_all()
            for thread in threads:
                thread.join(10)
                assert not thread.is_alive()


def test_a_release_reaches_a_waiting_node_and_is_reported(
    node: EnrolledNode, edge: EdgeSimulator
) -> None:
    edge.publish(records())
    with Agent(node).running(edge) as agent:
        edge.wait_for_report(revision=1)
        edge.publish(records(forbid("stop")))
        said = edge.wait_for_report(revision=2)
    assert said["fingerprint"] == edge.portal.state_digest
    assert said["error"] == ""
    assert said["received_at"] <= said["activated_at"]
    assert said["duration_ms"] >= 0
    assert agent.state.active is not None
    assert agent.state.active.revision == 2


def test_polls_share_one_connection(node: EnrolledNode, edge: EdgeSimulator) -> None:
    edge.publish(records())
    client = connect(node)
    for _ in range(3):
        client.sync(etag="", revision=None, fingerprint="", wait=0)
    assert edge.connections == 1


def test_a_poll_says_what_is_held_and_how_long_it_waits(
    node: EnrolledNode, edge: EdgeSimulator
) -> None:
    edge.publish(records())
    agent = Agent(node, wait=0)
    agent.loop.step()
    agent.loop.step()
    first, second = edge.syncs
    assert first["If-None-Match"] == ""
    assert second["If-None-Match"] == edge.portal.etag
    assert second["Portward-Revision"] == "1"
    assert second["Portward-Fingerprint"] == edge.portal.state_digest
    assert second["Prefer"] == "wait=0"


def test_a_304_confirms_the_release(node: EnrolledNode, edge: EdgeSimulator) -> None:
    edge.publish(records())
    agent = Agent(node, wait=0)
    agent.loop.step()
    before = (node.paths.current / "tuf" / "timestamp.json").read_bytes()
    edge.portal.sign_timestamp()
    agent.loop.step()
    after = (node.paths.current / "tuf" / "timestamp.json").read_bytes()
    assert after == edge.portal.timestamp != before


def test_an_edge_that_does_not_wait_is_not_asked_in_a_busy_loop(
    node: EnrolledNode, edge: EdgeSimulator
) -> None:
    edge.publish(records())
    agent = Agent(node)
    assert agent.loop.step() == 0
    edge.is_patient = False
    assert agent.loop.step() > 0


def test_a_refusal_is_reported_with_its_code(
    node: EnrolledNode, edge: EdgeSimulator
) -> None:
    edge.publish(records())
    with Agent(node).running(edge) as agent:
        edge.wait_for_report(revision=1)
        edge.tamper = lambda files: {**files, "bundle.tar.gz": b"\x1f\x8bother"}
        # The change does not arrive either, so the whole release is asked for.
        edge.tamper_delta = lambda files: dict.fromkeys(files, b"other")
        edge.publish(records(forbid("stop")))
        said = edge.wait_for_report(error="bundle.tampered")
        # The last good release stays in force and is what the report names.
        assert said["revision"] == 1
        edge.tamper = None
        edge.wait_for_report(revision=2, error="")
    assert agent.status.values()["last_error"] is None


@pytest.mark.parametrize(
    ("status", "error"),
    [(503, EdgeFailedError), (404, EdgeFailedError), (401, EdgeRefusedError)],
)
def test_a_failing_edge_is_asked_again_later(
    node: EnrolledNode, edge: EdgeSimulator, status: int, error: type[EdgeError]
) -> None:
    edge.publish(records())
    agent = Agent(node)
    edge.failing = status
    assert agent.loop.step() > 0
    assert agent.status.values()["last_error"]["code"] == error.code
    assert agent.status.values()["last_contact"] is not None
    edge.failing = None
    assert agent.loop.step() == 0
    assert agent.status.values()["last_error"] is None


@pytest.mark.parametrize("status", [429, 503])
def test_an_edge_that_asks_for_time_gets_it(
    node: EnrolledNode, edge: EdgeSimulator, status: int
) -> None:
    edge.canned = (status, b"{}", {"Retry-After": "7"})
    assert 7 <= Agent(node).loop.step() < 8


@pytest.mark.parametrize(
    ("asked", "most"), [("86400", 61), ("soon", 1), ("-5", 1), ("9" * 400, 1)]
)
def test_an_edge_cannot_silence_a_node(
    node: EnrolledNode, edge: EdgeSimulator, asked: str, most: int
) -> None:
    edge.canned = (429, b"{}", {"Retry-After": asked})
    assert 0 < Agent(node).loop.step() < most


def test_an_edge_that_is_gone_changes_nothing(node: EnrolledNode) -> None:
    node.portal.publish(records())
    node.state().accept(node.portal.envelope())
    node.identity = replace(node.identity, edge="http://127.0.0.1:9")
    agent = Agent(node)
    agent.state.load()
    assert agent.loop.step() > 0
    assert agent.state.active is not None
    assert agent.status.values()["last_error"]["code"] == "agent.edge_unreachable"
    assert agent.status.values()["last_contact"] is None


def test_a_rotated_timestamp_key_is_learned_from_a_whole_envelope(
    node: EnrolledNode, edge: EdgeSimulator
) -> None:
    edge.publish(records())
    agent = Agent(node, wait=0)
    agent.loop.step()
    edge.portal.rotate(
        replace(edge.portal.keys, timestamp=CryptoSigner.generate_ed25519())
    )
    edge.portal.sign_timestamp()
    agent.loop.step()
    assert agent.status.values()["last_error"]["code"] == "bundle.unsigned"
    agent.loop.step()
    assert agent.status.values()["last_error"] is None
    edge.portal.sign_timestamp()
    agent.loop.step()
    assert agent.status.values()["last_error"] is None


def test_a_release_that_could_not_be_stored_is_fetched_again(
    node: EnrolledNode, edge: EdgeSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.publish(records())
    agent = Agent(node, wait=0)
    monkeypatch.setattr("node_agent.state._sync_tree", _full_disk)
    agent.loop.step()
    assert agent.status.values()["last_error"]["code"] == "agent.state"
    assert agent.state.active is not None
    monkeypatch.undo()
    agent.loop.step()
    assert node.state().load().revision == 1


def _full_disk(_folder: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_node_that_the_edge_does_not_know_is_told_so(
    node: EnrolledNode, edge: EdgeSimulator
) -> None:
    edge.publish(records())
    edge.nodes.clear()
    with pytest.raises(EdgeRefusedError, match="unknown node"):
        connect(node).sync(etag="", revision=None, fingerprint="", wait=0)


def test_an_answer_beyond_the_cap_is_not_read_to_its_end(
    node: EnrolledNode, edge: EdgeSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.publish(records())
    monkeypatch.setattr(link, "ENVELOPE_LIMIT", 100)
    with pytest.raises(BundleTooLargeError):
        connect(node).sync(etag="", revision=None, fingerprint="", wait=0)


def test_reports_come_through_after_the_edge_failed(
    node: EnrolledNode, edge: EdgeSimulator
) -> None:
    edge.publish(records())
    edge.failing_reports = 503
    with Agent(node).running(edge):
        edge.wait_for(lambda: len(edge.syncs) > 1, "a second poll")
        edge.failing_reports = None
        edge.wait_for_report(revision=1)


def test_a_start_from_disk_is_reported_before_the_first_poll_ends(
    node: EnrolledNode, edge: EdgeSimulator
) -> None:
    edge.publish(records())
    node.state().accept(edge.portal.envelope())
    agent = Agent(node)
    agent.state.load()
    with agent.running(edge):
        edge.wait_for_report(revision=1)


def test_a_node_without_a_release_waits_for_the_first(
    node: EnrolledNode, edge: EdgeSimulator
) -> None:
    with Agent(node).running(edge):
        edge.wait_for(lambda: len(edge.syncs) == 1, "a poll")
        edge.publish(records())
        edge.wait_for_report(revision=1)
    assert len(edge.syncs) <= 3


def test_a_bug_does_not_end_the_loop(
    node: EnrolledNode, edge: EdgeSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.publish(records())
    agent = Agent(node)
    accept, calls = agent.state.accept, []

    def fail_once(envelope: bytes) -> Acceptance:
        calls.append(envelope)
        if len(calls) == 1:
            raise RuntimeError("a bug")
        return accept(envelope)

    monkeypatch.setattr(agent.state, "accept", fail_once)
    with agent.running(edge):
        edge.wait_for_report(revision=1)
    assert len(calls) > 1


def test_delays_grow_while_the_edge_does_not_wait(
    node: EnrolledNode, edge: EdgeSimulator
) -> None:
    edge.publish(records())
    agent = Agent(node)
    agent.loop._backoff = Backoff(uniform=lambda _low, high: high)
    agent.loop.step()
    edge.is_patient = False
    assert [agent.loop.step() for _ in range(3)] == [0.5, 1, 2]
    edge.publish(records(forbid("stop")))
    assert agent.loop.step() == 0
    assert agent.loop.step() == 0.5


@pytest.mark.parametrize("url", ["ftp://edge", "edge.example", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(EdgeError):
        Edge(url)


@pytest.mark.parametrize(
    ("status", "body", "headers", "error"),
    [
        (304, b"", {"Portward-Timestamp": "!"}, EdgeError),
        (304, b"", {"Portward-Timestamp": "A" * 30_000}, BundleTooLargeError),
        (302, b"", {"Location": "http://127.0.0.1:9/"}, EdgeError),
        (404, b"<html>", {}, EdgeError),
        (403, b'["no"]', {}, EdgeRefusedError),
        (200, b"cut", {"Content-Length": "10"}, EdgeError),
    ],
)
def test_an_answer_that_is_none_is_refused(
    node: EnrolledNode,
    edge: EdgeSimulator,
    status: int,
    body: bytes,
    headers: dict[str, str],
    error: type[ProtocolError],
) -> None:
    edge.canned = (status, body, headers)
    with pytest.raises(error):
        connect(node).sync(etag="", revision=None, fingerprint="", wait=0)


def test_a_204_accepts_a_report(node: EnrolledNode, edge: EdgeSimulator) -> None:
    edge.canned = (204, b"", {})
    connect(node).send_report(b"{}")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"node": "n", "tenant": "t"}'])
def test_an_enrollment_that_is_none_is_refused(
    edge: EdgeSimulator, enroll: Enroll, body: bytes
) -> None:
    key = load_key(enroll().paths)
    edge.canned = (200, body, {})
    with pytest.raises(EdgeError):
        Edge(edge.url).enroll(tenant="t", token=TOKEN, name="web-1", key=key)


def test_a_release_that_was_signed_this_moment_is_asked_for(
    node: EnrolledNode, edge: EdgeSimulator
) -> None:
    """The edge answered 304 with the timestamp of a release it has not loaded yet."""
    edge.publish(records())
    agent = Agent(node, wait=0)
    agent.loop.step()
    before = edge.portal.etag
    edge.publish(records(forbid("stop")))
    stamp = base64.b64encode(edge.portal.timestamp).decode()
    edge.canned = (304, b"", {"ETag": before, "Portward-Timestamp": stamp})
    assert agent.loop.step() == 0
    assert agent.status.values()["last_error"] is None
    # An edge that goes on like this withholds the release.
    agent.loop.step()
    assert agent.status.values()["last_error"]["code"] == "bundle.withheld"
    edge.canned = None
    agent.loop.step()
    assert agent.status.values()["revision"] == 2


def test_enrollment_hands_over_the_public_key_and_brings_the_root(
    edge: EdgeSimulator, enroll: Enroll
) -> None:
    edge.publish(records(permit("more", action="reboot")))
    key = load_key(enroll().paths)
    joined = Edge(edge.url).enroll(
        tenant=edge.portal.tenant, token=TOKEN, name="web-1", key=key
    )
    assert joined.root == edge.portal.roots[0]
    assert joined.revision == 1
    assert edge.nodes[joined.node] == key.public_key()


def test_a_token_works_once(edge: EdgeSimulator, enroll: Enroll) -> None:
    key = load_key(enroll().paths)

    def join() -> link.Enrollment:
        return Edge(edge.url).enroll(
            tenant=edge.portal.tenant, token=TOKEN, name="web-1", key=key
        )

    join()
    with pytest.raises(EdgeRefusedError):
        join()
