"""The decision log: summed up, bounded, signed, and honest about what it lost."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from typing import Any

import pytest

from engine.decide import Decision, Request
from node_agent.backoff import Backoff
from node_agent.collect import Collector
from node_agent.config import load_key
from node_agent.errors import EdgeError, EdgeRefusedError
from protocol.decisions import DECISIONS_TYPE, Chunk, parse_chunk
from protocol.envelope import dsse_verify
from protocol.records import EntityRef
from tests.node_agent.conftest import EnrolledNode

PATIENCE = 10.0
NOON = dt.datetime(2026, 3, 3, 12, 0, tzinfo=dt.UTC)
PERMIT = Decision(allowed=True, reason="permitted", determining=("p",), grants=("g-1",))
DENY = Decision(allowed=False, reason="no_matching_policy")


def asked(action: str = "read", second: int = 0) -> Request:
    return Request(
        EntityRef("User", "alice"),
        action,
        EntityRef("Node", "web-1"),
        NOON + dt.timedelta(seconds=second),
        {"ip": "203.0.113.9"},
    )


class Sink:
    """The far end: what it refuses first, and what it then got."""

    def __init__(self, *refusals: Exception) -> None:
        self.refusals = list(refusals)
        self.bodies: list[bytes] = []
        self.changed = threading.Condition()

    def send_decisions(self, body: bytes) -> None:
        with self.changed:
            self.changed.notify_all()
            if self.refusals:
                raise self.refusals.pop(0)
            self.bodies.append(body)


def collector(node: EnrolledNode, sink: Sink, **options: Any) -> Collector:
    return Collector(
        node.identity,
        load_key(node.paths),
        sink,
        boot_id="boot",
        backoff=Backoff(uniform=lambda _low, _high: 0.001),
        **options,
    )


def note(log: Collector, request: Request, decision: Decision = PERMIT) -> uuid.UUID:
    evaluation_id = uuid.uuid4()
    log.note(request, decision, evaluation_id=evaluation_id, revision=7)
    return evaluation_id


def deliver(log: Collector) -> None:
    """Run until everything is delivered: a stopped log makes one last attempt."""
    log.stop()
    log.run()


def chunks(node: EnrolledNode, sink: Sink) -> list[Chunk]:
    key = load_key(node.paths).public_key()
    identity = node.identity
    return [
        parse_chunk(
            dsse_verify(body, payload_type=DECISIONS_TYPE, public_key=key),
            tenant=identity.tenant,
            node=identity.node,
        )
        for body in sink.bodies
    ]


def test_the_same_answer_to_the_same_question_is_counted(node: EnrolledNode) -> None:
    sink = Sink()
    log = collector(node, sink)
    first = note(log, asked())
    note(log, asked(second=4))
    deliver(log)
    (chunk,) = chunks(node, sink)
    (entry,) = chunk.entries
    assert (entry.id, entry.count) == (first, 2)
    assert entry.last_at - entry.first_at == dt.timedelta(seconds=4)
    assert (entry.grants, entry.determining, entry.revision) == (("g-1",), ("p",), 7)


def test_another_answer_is_an_entry_of_its_own(node: EnrolledNode) -> None:
    sink = Sink()
    log = collector(node, sink)
    note(log, asked())
    note(log, asked(), DENY)
    deliver(log)
    assert len(chunks(node, sink)[0].entries) == 2


def test_neither_context_nor_attributes_leave_the_node(node: EnrolledNode) -> None:
    sink = Sink()
    log = collector(node, sink)
    note(log, asked())
    deliver(log)
    key = load_key(node.paths).public_key()
    payload = dsse_verify(sink.bodies[0], payload_type=DECISIONS_TYPE, public_key=key)
    assert "203.0.113.9" not in str(payload)


def test_what_finds_no_room_is_dropped_and_counted(node: EnrolledNode) -> None:
    sink = Sink()
    log = collector(node, sink, most_waiting=2)
    for action in ("a", "b", "c", "d"):
        note(log, asked(action))
    assert log.dropped == 2
    deliver(log)
    (chunk,) = chunks(node, sink)
    assert (len(chunk.entries), chunk.dropped) == (2, 2)


def test_a_chunk_that_was_not_delivered_is_kept_and_added_to(
    node: EnrolledNode,
) -> None:
    sink = Sink(EdgeError("down"))
    log = collector(node, sink)
    note(log, asked())
    thread = threading.Thread(target=log.run)
    thread.start()
    with sink.changed:
        assert sink.changed.wait_for(lambda: not sink.refusals, PATIENCE)
    note(log, asked(second=9))
    with sink.changed:
        assert sink.changed.wait_for(lambda: sink.bodies, PATIENCE)
    log.stop()
    thread.join(PATIENCE)
    entries = [entry for chunk in chunks(node, sink) for entry in chunk.entries]
    assert sum(entry.count for entry in entries) == 2


def test_a_chunk_that_is_refused_is_not_sent_again(node: EnrolledNode) -> None:
    sink = Sink(EdgeRefusedError("no"))
    log = collector(node, sink)
    note(log, asked())
    deliver(log)
    note(log, asked("other"))
    deliver(log)
    (chunk,) = chunks(node, sink)
    # The missing number 1 tells the portal of the gap.
    assert (chunk.number, [entry.action for entry in chunk.entries]) == (2, ["other"])


def test_a_chunk_stays_below_what_the_edge_reads(node: EnrolledNode) -> None:
    sink = Sink()
    log = collector(node, sink)
    for number in range(400):
        note(log, asked(f"{number}".ljust(255, "x")))
    deliver(log)
    assert len(sink.bodies[0]) < 256 * 1024
    assert 0 < len(chunks(node, sink)[0].entries) < 400


@pytest.mark.parametrize("name", ["subject", "resource"])
def test_overlong_names_are_cut_and_not_refused(node: EnrolledNode, name: str) -> None:
    sink = Sink()
    log = collector(node, sink)
    long = EntityRef("User", "x" * 1000)
    who = long if name == "subject" else EntityRef("User", "alice")
    what = long if name == "resource" else EntityRef("Node", "web-1")
    note(log, Request(who, "read", what, NOON))
    deliver(log)
    assert len(chunks(node, sink)[0].entries) == 1
