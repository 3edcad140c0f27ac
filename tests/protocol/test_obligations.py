"""Intervals and obligations of policy records have one form, or none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from protocol.errors import RecordError
from protocol.records import Obligation, PolicyRecord, parse_record, record_digest
from tests.vectors.generate import RECORDS

PLAIN = RECORDS[0]
NOON = "2026-11-20T12:00:00Z"
LATER = "2026-11-20T12:00:01Z"
MFA = {"type": "mfa", "properties": {"level": 2, "max_age": 300}}


def test_what_is_not_said_has_no_field() -> None:
    assert not {"effective_from", "effective_until", "obligations"} & set(
        PLAIN.to_dict()
    )


@pytest.mark.parametrize(
    "members",
    [
        {"effective_from": NOON},
        {"effective_until": NOON},
        {"effective_from": NOON, "effective_until": LATER},
        {"obligations": [MFA]},
        {"obligations": [{"type": "mfa", "properties": {"level": 1}}]},
        {"obligations": [{"type": "device_trust", "properties": {}}]},
        {"obligations": [{"type": "max_risk", "properties": {"at_most": 0}}]},
        {
            "obligations": [
                {"type": "notify", "properties": {"to": "a", "body": "b"}},
                {
                    "type": "notify",
                    "properties": {"to": "a", "body": "b", "topic": "c"},
                },
                {"type": "end_session", "properties": {}},
            ]
        },
    ],
    ids=str,
)
def test_what_is_said_survives_and_counts(members: dict[str, Any]) -> None:
    found = parse_record(PLAIN.to_dict() | members)
    assert found.to_dict() == PLAIN.to_dict() | members
    assert record_digest(found) != record_digest(PLAIN)


@pytest.mark.parametrize(
    "members",
    [
        {"effective_from": ""},
        {"effective_from": None},
        {"effective_from": "2026-11-20T12:00:00+00:00"},
        {"effective_from": "2026-11-20T12:00:00.5Z"},
        {"effective_from": "2026-02-30T12:00:00Z"},
        {"effective_from": NOON, "effective_until": NOON},
        {"effective_from": LATER, "effective_until": NOON},
        {"obligations": []},
        {"obligations": None},
        {"obligations": [MFA, MFA]},
        {"obligations": [{"type": "bribe", "properties": {}}]},
        {"obligations": [{"type": "mfa", "properties": {}}]},
        {"obligations": [{"type": "mfa", "properties": {"level": 0}}]},
        {"obligations": [{"type": "mfa", "properties": {"level": True}}]},
        {"obligations": [{"type": "mfa", "properties": {"level": 2, "max_age": 0}}]},
        {"obligations": [{"type": "mfa", "properties": {"level": 2, "to": "a"}}]},
        {"obligations": [{"type": "max_risk", "properties": {"at_most": 101}}]},
        {"obligations": [{"type": "device_trust"}]},
        {"obligations": [{"type": "notify", "properties": {"to": "a", "body": ""}}]},
        {"obligations": ["mfa"]},
    ],
    ids=str,
)
def test_any_other_form_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(RecordError):
        parse_record(PLAIN.to_dict() | members)


def test_a_record_is_named_for_its_own_version() -> None:
    assert isinstance(PLAIN, PolicyRecord)
    found = parse_record(PLAIN.to_dict() | {"id": "b7e1@3"})
    assert isinstance(found, PolicyRecord)
    assert (found.slug, PLAIN.slug) == ("b7e1", "b7e1")
    for ident in ("b7e1@4", "b7e1@", "b7e1@03"):
        with pytest.raises(RecordError) as raised:
            parse_record(PLAIN.to_dict() | {"id": ident})
        assert raised.value.field == "id"


def test_obligations_that_say_the_same_are_the_same() -> None:
    assert Obligation("mfa", level=2) == Obligation("mfa", level=2, max_age=0)
    assert replace(Obligation("mfa", level=2), level=3) > Obligation("mfa", level=2)
