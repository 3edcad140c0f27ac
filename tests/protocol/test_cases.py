"""Tests of policies as records: strict, and part of the fingerprint."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from protocol.delta import Changes, State
from protocol.errors import RecordError
from protocol.fingerprint import state_digest
from protocol.records import CaseRecord, EntityRef, case_id, parse_record

CASE = CaseRecord(
    case_id("p", "by day"),
    policy="p",
    name="by day",
    principal=EntityRef("User", "alice"),
    resource=EntityRef("Node", "web-1"),
    action="restart",
    at="2026-11-20T12:00:00Z",
    expect="deny",
    roles=("operator", "staff"),
    groups=("berlin",),
    principal_attributes={"team": "ops"},
    context={"mfa": 2, "geo": {"lat": 1, "lon": 2}},
    offsets={"Europe/Berlin": 3600},
    reason="forbidden",
)


def test_a_test_reads_back_as_it_was_written() -> None:
    assert parse_record(CASE.to_dict()) == CASE


def test_any_reason_will_do_unless_one_is_named() -> None:
    found = parse_record(replace(CASE, reason=None).to_dict())
    assert isinstance(found, CaseRecord)
    assert found.reason is None


@pytest.mark.parametrize("name", sorted(CASE.body()))
def test_no_field_may_be_missing(name: str) -> None:
    body = CASE.to_dict()
    del body[name]
    with pytest.raises(RecordError) as caught:
        parse_record(body)
    assert caught.value.field == name


@pytest.mark.parametrize(
    "change",
    [
        {"id": "p#other"},
        {"policy": "q"},
        {"name": ""},
        {"expect": "maybe"},
        {"reason": ""},
        {"at": None},
        {"at": "2026-11-20T12:00:00"},
        {"roles": ["staff", "operator"]},
        {"roles": ["staff", "staff"]},
        {"groups": [1]},
        {"principal": {"type": "User"}},
        {"principal_attributes": {"x": {"nested": 1}}},
        {"context": []},
        {"offsets": []},
        {"offsets": {"UTC": "0"}},
        {"offsets": {"UTC": 90_000}},
        {"context": {"risk": 1.5}},
        {"more": 1},
    ],
    ids=str,
)
def test_a_malformed_test_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(RecordError):
        parse_record(CASE.to_dict() | change)


def test_another_expectation_is_another_fingerprint() -> None:
    assert state_digest([CASE]) != state_digest([replace(CASE, expect="allow")])


def test_a_delta_carries_a_changed_test() -> None:
    before, after = State.of([CASE]), State.of([replace(CASE, expect="allow")])
    assert set(Changes.between(before, after).replaced) == {CASE.key}
