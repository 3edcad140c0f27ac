"""A version to come arrives as a delta, and takes over without another release."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from engine.decide import Request
from node_agent.steps import Step
from protocol.records import EntityRef
from tests.node_agent.conftest import EnrolledNode
from tests.node_agent.test_deltas import refused
from tests.simulators.releases import ALICE, forbid, records

FLIP = dt.datetime(2026, 12, 1, 6, tzinfo=dt.UTC)
WEB = EntityRef("Node", "web-1")
TEXT = "2026-12-01T06:00:00Z"
OLD = replace(forbid("stop"), effective_until=TEXT)
NEW = replace(
    forbid("stop", action="reboot"), id="stop@2", version=2, effective_from=TEXT
)


def test_a_version_to_come_is_carried_by_a_delta_and_survives_a_restart(
    node: EnrolledNode,
) -> None:
    node.portal.publish(records(forbid("stop")))
    state = node.state()
    state.accept(node.portal.envelope())
    node.portal.publish(records(OLD, NEW))
    state.accept(node.portal.delta_envelope(1))
    restarted = node.state()
    restarted.load()
    for held in (state.active, restarted.active):
        assert held is not None
        engine = held.engine

        def reason(action: str, now: dt.datetime) -> str:
            return engine.decide(Request(ALICE, action, WEB, now)).reason  # noqa: B023  # asked at once

        before = FLIP - dt.timedelta(microseconds=1)
        assert reason("restart", before) == reason("reboot", FLIP) == "forbidden"
        assert reason("restart", FLIP) != "forbidden"
        assert reason("reboot", before) != "forbidden"


@pytest.mark.parametrize("change", [{"effective_from": None}, {"id": "stop@3"}])
def test_a_release_in_which_versions_are_in_doubt_is_refused(
    node: EnrolledNode, change: dict[str, str | None]
) -> None:
    node.portal.publish(records(forbid("stop")))
    state = node.state()
    state.accept(node.portal.envelope())
    doubtful = replace(NEW, **change)  # type: ignore[arg-type]  # the cases know the fields
    node.portal.publish(records(OLD, doubtful))
    step, code = refused(state, node.portal.envelope())
    assert (step, code) in {
        (Step.ENGINE, "record.overlap"),
        (Step.CONTENT, "record.invalid"),
    }
    assert state.active is not None
    assert state.active.revision == 1
