"""The edge answers with the delta that fits, and with the snapshot otherwise."""

from __future__ import annotations

import threading

import pytest
import urllib3

from apps.tenants.models import Tenant
from protocol.channel import PROOF_HEADER
from protocol.envelope import unpack_envelope
from protocol.trust import TARGET_PATH
from tests.factories.bundles import newest, release_of
from tests.portal.served_edge import SYNC, NodeClient, eventually

pytestmark = pytest.mark.django_db(transaction=True)


def ask(
    node: NodeClient, etag: str, manipulation: str = "portward-delta", wait: int = 0
) -> urllib3.BaseHTTPResponse:
    headers = {
        "If-None-Match": etag,
        "Prefer": f"wait={wait}",
        PROOF_HEADER: node.proof("GET", SYNC),
    }
    if manipulation:
        headers["A-IM"] = manipulation
    return node.served.ask("GET", SYNC, headers=headers)


def etag(tenant: Tenant) -> str:
    release = newest(tenant)
    return f'"{release.state_digest}.{release.revision}"'


@pytest.fixture
def held(node: NodeClient, released: Tenant) -> str:
    """Return the tag of a release that is no longer the newest."""
    release_of(released, "second")
    release_of(released, "third")
    found = etag(released)
    release_of(released, "fourth")
    eventually(lambda: node.sync().headers["ETag"] == etag(released))
    return found


def test_a_node_that_holds_the_release_before_gets_the_delta(
    node: NodeClient, released: Tenant, held: str
) -> None:
    answer = ask(node, held)
    assert answer.status == 226
    assert answer.headers["IM"] == "portward-delta"
    assert answer.headers["Delta-Base"] == held
    assert answer.headers["ETag"] == etag(released)
    assert "delta-3.json" in unpack_envelope(answer.data)
    assert len(answer.data) < len(ask(node, "").data)


@pytest.mark.parametrize("manipulation", ["", "vcdiff", "portward-delta-2"])
def test_who_does_not_ask_for_deltas_gets_the_snapshot(
    node: NodeClient, held: str, manipulation: str
) -> None:
    answer = ask(node, held, manipulation)
    assert answer.status == 200
    assert TARGET_PATH in unpack_envelope(answer.data)


@pytest.mark.parametrize(
    "change",
    [
        lambda tag: tag.replace(".3", ".2"),
        lambda tag: tag.replace("sha256:", "sha256:0"),
        lambda _tag: "",
        lambda _tag: '"nonsense"',
    ],
)
def test_who_holds_something_else_gets_the_snapshot(
    node: NodeClient, held: str, change: object
) -> None:
    assert callable(change)
    assert ask(node, change(held)).status == 200


def test_a_parked_poll_is_answered_with_the_delta(
    node: NodeClient, released: Tenant, held: str
) -> None:
    assert held
    answers: list[urllib3.BaseHTTPResponse] = []
    current = etag(released)
    poll = threading.Thread(target=lambda: answers.append(ask(node, current, wait=20)))
    poll.start()
    eventually(lambda: node.served.edge.hub.waiting == 1)
    release_of(released, "fifth")
    poll.join(10)
    assert [answer.status for answer in answers] == [226]
    assert answers[0].headers["Delta-Base"] == current


def test_who_holds_the_newest_release_gets_no_body(
    node: NodeClient, released: Tenant, held: str
) -> None:
    assert held
    assert ask(node, etag(released)).status == 304


def test_a_release_does_not_wait_behind_what_nodes_report(
    node: NodeClient, released: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_recording, may_end = threading.Event(), threading.Event()

    def slowly(_batch: object) -> None:
        is_recording.set()
        may_end.wait(20)

    monkeypatch.setattr("portal.edge.store.distribution.record_reports", slowly)
    current = etag(released)
    # What a node says it holds is a report, too.
    node.sync(etag=current, held="sha256:" + "0" * 64)
    assert is_recording.wait(10)
    answers: list[urllib3.BaseHTTPResponse] = []
    poll = threading.Thread(target=lambda: answers.append(ask(node, current, wait=15)))
    poll.start()
    try:
        release_of(released, "second")
        poll.join(15)
        assert [answer.status for answer in answers] == [226]
        assert answers[0].headers["ETag"] == etag(released)
    finally:
        may_end.set()
        poll.join()
