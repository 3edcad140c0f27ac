"""Records are strict, and their digests do not change by accident."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.canonical import canonical_bytes, parse_json
from protocol.errors import CanonicalError, RecordError
from protocol.fingerprint import StateTree, state_digest
from protocol.records import EntityRef, Record, parse_record
from protocol.records.scopes import LOCATION_LATER, WINDOW_LATER
from tests.vectors.generate import (
    LENT,
    OFFERED,
    PATH,
    RECORDS,
    SCOPES,
    SEPARATED,
    vectors,
)

ALL = (*RECORDS, *LENT, *SCOPES, *SEPARATED, *OFFERED)


def test_the_golden_vectors_are_what_the_code_gives() -> None:
    assert json.loads(PATH.read_text(encoding="utf-8")) == json.loads(
        json.dumps(vectors())
    )


@pytest.mark.parametrize("record", ALL, ids=lambda r: r.type.value)
def test_a_record_survives_its_json_form(record: Record) -> None:
    assert parse_record(record.to_dict()).to_dict() == record.to_dict()


@pytest.mark.parametrize("record", ALL, ids=lambda r: r.type.value)
def test_an_unknown_field_is_refused_by_name(record: Record) -> None:
    with pytest.raises(RecordError) as caught:
        parse_record(record.to_dict() | {"surprise": 1})
    assert caught.value.field == "surprise"


@pytest.mark.parametrize(
    ("record", "name"),
    [
        (record, name)
        for record in ALL
        for name in record.to_dict()
        if name not in (*WINDOW_LATER, *LOCATION_LATER)
    ],
    ids=lambda value: value if isinstance(value, str) else value.type.value,
)
def test_a_missing_field_is_refused_by_name(record: Record, name: str) -> None:
    body = record.to_dict()
    del body[name]
    with pytest.raises(RecordError) as caught:
        parse_record(body)
    assert caught.value.field == name


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (0, {"effect": "allow"}),
        (0, {"tier": "root"}),
        (0, {"version": 0}),
        (0, {"version": True}),
        (0, {"statements": []}),
        (2, {"start": "2026-01-01"}),
        (2, {"start": "2026-01-01T00:00:00"}),
        (2, {"source": "magic"}),
        (3, {"weekdays": [2, 1]}),
        (3, {"weekdays": [8]}),
        (3, {"start_minute": 1440}),
        (3, {"date_from": "2026-02-30"}),
        (4, {"cidrs": ["10.0.0.1/8"]}),
        (4, {"countries": ["Germany"]}),
        (5, {"id": "User::bob"}),
        (5, {"attributes": {"x": {"nested": 1}}}),
        (5, {"entity": {"type": "a b", "id": "x"}}),
    ],
    ids=str,
)
def test_a_malformed_value_is_refused(number: int, change: dict[str, Any]) -> None:
    with pytest.raises(RecordError):
        parse_record(RECORDS[number].to_dict() | change)


@pytest.mark.parametrize("delegator", [None, "bob", {"type": "User"}], ids=str)
def test_a_delegation_names_who_lends(delegator: object) -> None:
    with pytest.raises(RecordError):
        parse_record(LENT[0].to_dict() | {"delegator": delegator})


def test_what_is_no_delegation_has_no_delegator() -> None:
    body = LENT[0].to_dict()
    with pytest.raises(RecordError) as caught:
        parse_record(body | {"source": "standing"})
    assert caught.value.field == "delegator"
    assert "delegator" not in RECORDS[2].to_dict()


def test_who_lends_counts_in_the_state_digest() -> None:
    body = LENT[0].to_dict()
    other = parse_record(body | {"delegator": {"type": "User", "id": "carol"}})
    assert state_digest([other]) != state_digest(LENT)


WINDOW, PLACE = (record.to_dict() for record in SCOPES)


@pytest.mark.parametrize(
    ("record", "change", "field"),
    [
        (WINDOW, {"closed_on": []}, "closed_on"),
        (WINDOW, {"closed_on": ["2026-12-25", "2026-12-24"]}, "closed_on"),
        (WINDOW, {"closed_on": ["2026-02-30"]}, "closed_on"),
        (WINDOW, {"open_on": ["2026-12-24"]}, "open_on"),
        (WINDOW, {"opens_at": None}, "opens_at"),
        (WINDOW, {"opens_at": "2026-12-18T18:00:00+01:00"}, "opens_at"),
        (WINDOW, {"closes_at": "2026-12-18T17:00:00Z"}, "closes_at"),
        (PLACE, {"unknown_matches": False}, "unknown_matches"),
        (PLACE, {"unknown_matches": 1}, "unknown_matches"),
        (PLACE, {"cities": ["Potsdam"]}, "cities"),
        (PLACE, {"cities": [["de", "Potsdam"]]}, "cities"),
        (PLACE, {"fence": {"latitude": 0, "longitude": 0}}, "radius"),
        (
            PLACE,
            {"fence": {"latitude": 0, "longitude": 0, "radius": 0}},
            "fence.radius",
        ),
        (PLACE, {"node_groups": [""]}, "node_groups"),
    ],
)
def test_a_window_or_location_has_one_form(
    record: dict[str, object], change: dict[str, object], field: str
) -> None:
    with pytest.raises(RecordError) as caught:
        parse_record(record | change)
    assert caught.value.field == field


def test_what_a_window_or_location_does_not_say_has_no_field() -> None:
    for record in RECORDS:
        assert not {"closed_on", "opens_at", "fence", "cities"} & set(record.to_dict())


@given(st.randoms())
def test_the_state_digest_does_not_depend_on_the_order(rng: random.Random) -> None:
    shuffled = list(RECORDS)
    rng.shuffle(shuffled)
    assert state_digest(shuffled) == state_digest(RECORDS)


@pytest.mark.parametrize("number", range(len(RECORDS)))
def test_every_record_counts_in_the_state_digest(number: int) -> None:
    fewer = [r for n, r in enumerate(RECORDS) if n != number]
    assert state_digest(fewer) != state_digest(RECORDS)


def test_a_tree_that_was_changed_equals_one_built_anew() -> None:
    tree = StateTree(RECORDS)
    tree.remove(RECORDS[0].key)
    tree.put(RECORDS[0])
    tree.remove(RECORDS[1].key)
    kept = [r for r in RECORDS if r is not RECORDS[1]]
    assert tree.digest() == state_digest(kept)


def test_two_records_of_one_name_are_refused() -> None:
    with pytest.raises(RecordError):
        state_digest([RECORDS[0], RECORDS[0]])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(json_values)
def test_canonical_bytes_survive_being_read(value: object) -> None:
    assert canonical_bytes(parse_json(canonical_bytes(value))) == canonical_bytes(value)


@pytest.mark.parametrize("value", [1.5, {"a": [float("nan")]}, 2**53, {"a": object()}])
def test_values_without_one_printed_form_are_refused(value: object) -> None:
    with pytest.raises((CanonicalError, TypeError)):
        canonical_bytes(value)


@pytest.mark.parametrize(
    "blob", [b'{"a":1,"a":2}', b"1.0", b"NaN", b"{", b"\xff", b"1e3"]
)
def test_json_that_could_be_read_in_two_ways_is_refused(blob: bytes) -> None:
    with pytest.raises(CanonicalError):
        parse_json(blob)


def test_a_line_end_is_no_part_of_an_identifier() -> None:
    assert EntityRef.from_dict({"type": "User", "id": "a"}).type == "User"
    with pytest.raises(RecordError):
        EntityRef.from_dict({"type": "User\n", "id": "a"})
