"""Reports: signed by the node, retried until accepted, newest wins."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from node_agent.backoff import Backoff
from node_agent.config import load_key
from node_agent.errors import EdgeError
from node_agent.report import Report, Reporter, ReportSigner
from node_agent.state import utc_now
from protocol.channel import REPORT_TYPE
from protocol.envelope import dsse_verify
from protocol.errors import ReceiptError
from tests.node_agent.conftest import EnrolledNode

PATIENCE = 5.0


def report(revision: int = 1, error: str = "") -> Report:
    return Report(
        revision=revision,
        fingerprint=f"sha256:{revision}",
        received_at=utc_now(),
        activated_at=utc_now(),
        duration_ms=12,
        error=error,
    )


class Sink:
    """The far end, which may be down, and which shows what it got."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.bodies: list[bytes] = []
        self.refusals = 0
        self.gate = threading.Event()
        self.gate.set()

    def send_report(self, body: bytes) -> None:
        self.gate.wait(PATIENCE)
        with self.changed:
            self.changed.notify_all()
            if self.refusals:
                self.refusals -= 1
                raise EdgeError("down")
            self.bodies.append(body)

    def wait_for(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.bodies) >= count, PATIENCE)


@pytest.fixture
def signer(node: EnrolledNode) -> ReportSigner:
    return ReportSigner(node.identity, load_key(node.paths))


@contextmanager
def reporting(signer: ReportSigner, sink: Sink) -> Iterator[Reporter]:
    reporter = Reporter(
        signer, sink, backoff=Backoff(uniform=lambda _low, _high: 0.001)
    )
    thread = threading.Thread(target=reporter.run)
    thread.start()
    try:
        yield reporter
    finally:
        reporter.stop()
        sink.gate.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def opened(node: EnrolledNode, body: bytes) -> dict[str, Any]:
    key = load_key(node.paths).public_key()
    return dsse_verify(body, payload_type=REPORT_TYPE, public_key=key)


def test_a_report_is_signed_by_the_node(
    node: EnrolledNode, signer: ReportSigner
) -> None:
    said = opened(node, signer.sign(report()))
    assert said["tenant"] == node.identity.tenant
    assert said["node"] == node.identity.node
    assert (said["revision"], said["fingerprint"]) == (1, "sha256:1")
    assert said["error"] == ""


def test_a_changed_report_does_not_verify(
    node: EnrolledNode, signer: ReportSigner
) -> None:
    body = signer.sign(report())
    with pytest.raises(ReceiptError):
        opened(node, body.replace(b'"sig":"', b'"sig":"AAAA'))


def test_the_counter_grows_with_every_signature(
    node: EnrolledNode, signer: ReportSigner
) -> None:
    counters = [opened(node, signer.sign(report()))["counter"] for _ in range(3)]
    assert counters == [1, 2, 3]


def test_every_start_has_a_boot_id_of_its_own(node: EnrolledNode) -> None:
    key = load_key(node.paths)
    first, second = (ReportSigner(node.identity, key) for _ in range(2))
    assert first.boot_id != second.boot_id


def test_a_report_is_tried_until_it_is_accepted(
    node: EnrolledNode, signer: ReportSigner
) -> None:
    sink = Sink()
    sink.refusals = 3
    with reporting(signer, sink) as reporter:
        reporter.submit(report())
        sink.wait_for(1)
    assert opened(node, sink.bodies[0])["counter"] == 4


def test_the_newest_report_wins(node: EnrolledNode, signer: ReportSigner) -> None:
    sink = Sink()
    sink.gate.clear()
    sink.refusals = 1
    with reporting(signer, sink) as reporter:
        for revision in (1, 2, 3):
            reporter.submit(report(revision))
        sink.gate.set()
        sink.wait_for(1)
    assert opened(node, sink.bodies[-1])["revision"] == 3
    assert all(opened(node, body)["revision"] != 2 for body in sink.bodies)


def test_what_was_said_is_not_said_again(signer: ReportSigner) -> None:
    sink = Sink()
    with reporting(signer, sink) as reporter:
        reporter.submit(report(1))
        sink.wait_for(1)
        reporter.submit(report(1))
        reporter.submit(report(1, error="bundle.expired"))
        sink.wait_for(2)
    assert len(sink.bodies) == 2


def test_delays_double_with_jitter_and_stay_below_a_bound() -> None:
    bounds: list[tuple[float, float]] = []

    def note(low: float, high: float) -> float:
        bounds.append((low, high))
        return high

    backoff = Backoff(uniform=note)
    delays = [backoff.next() for _ in range(8)]
    assert delays == [0.5, 1, 2, 4, 8, 15, 15, 15]
    assert all(low == high / 2 for low, high in bounds)
    backoff.reset()
    assert backoff.next() == 0.5
