"""A delta leads from one release to another exactly, or it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import delta
from protocol.bundle import (
    CERTIFICATES_PATH,
    MANIFEST_PATH,
    RECORDS_PATH,
    Manifest,
    Predecessor,
    build_manifest,
    build_snapshot,
    certificate_digest,
    check_carries,
    manifest_digest,
    read_snapshot,
    read_state,
)
from protocol.canonical import canonical_bytes
from protocol.delta import Changes, Content, State, apply_delta, build_delta, read_delta
from protocol.envelope import pack_archive
from protocol.errors import (
    BundleDigestError,
    BundleTooLargeError,
    DeltaBaseError,
    DeltaMalformedError,
    ProtocolError,
    RecordError,
)
from protocol.records import (
    AssignmentRecord,
    EntityRef,
    PrincipalRecord,
    Record,
    WindowRecord,
    record_bytes,
)

CREATED = "2026-11-21T10:00:00Z"
EPOCH = 1_795_255_200


def person(name: str, level: object = 1) -> PrincipalRecord:
    return PrincipalRecord(f"User::{name}", EntityRef("User", name), {"level": level})


def grant(name: str) -> AssignmentRecord:
    return AssignmentRecord(f"a-{name}", EntityRef("User", name), "operators")


def content(
    records: Iterable[Record],
    revision: int = 1,
    certificates: Iterable[dict[str, Any]] = (),
) -> Content:
    found, certs = list(records), list(certificates)
    previous = Predecessor(revision - 1, "sha256:" + "0" * 64) if revision > 1 else None
    manifest = build_manifest(
        tenant="tenant",
        revision=revision,
        previous=previous,
        created=CREATED,
        created_epoch=EPOCH + revision,
        records=found,
        certificates=certs,
    )
    named = {certificate_digest(c): c for c in certs}
    # What was read has lists where what was built may have tuples.
    return Content(Manifest.from_dict(manifest.to_dict()), State.of(found), named)


def between(held: Content, newer: Content) -> bytes:
    changes = Changes.between(held.state, newer.state)
    return build_delta(
        held.manifest, newer.manifest, changes, newer.certificates.values()
    )


HELD = content([person("ann"), person("bob"), grant("ann")])
NEWER = content([person("ann", 2), grant("ann"), grant("eve")], 2, [{"change": "c1"}])
GOOD = between(HELD, NEWER)


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return the good delta with one thing changed, and canonical again."""
    value = json.loads(GOOD)
    change(value)
    return canonical_bytes(value)


def same(found: Content, wanted: Content) -> bool:
    return (
        found.manifest == wanted.manifest
        and manifest_digest(found.manifest) == manifest_digest(wanted.manifest)
        and dict(found.state.records) == dict(wanted.state.records)
        and found.state.tree.digest() == wanted.state.tree.digest()
        and set(found.certificates) == set(wanted.certificates)
    )


def test_a_delta_leads_to_the_newer_release() -> None:
    assert same(apply_delta(read_delta(GOOD), HELD), NEWER)


def test_it_names_only_what_changed() -> None:
    records = json.loads(GOOD)["records"]
    assert [r["id"] for r in records["add"]] == ["a-eve"]
    assert [r["id"] for r in records["replace"]] == ["User::ann"]
    assert records["remove"] == [["principal", "User::bob"]]


def test_a_changed_attribute_is_seen_although_python_calls_it_equal() -> None:
    newer = content([person("ann", level=True)], 2)
    found = json.loads(between(content([person("ann", level=1)]), newer))
    assert [r["id"] for r in found["records"]["replace"]] == ["User::ann"]


def test_zones_follow_the_windows() -> None:
    window = WindowRecord("w", "Office hours", "Europe/Berlin", (1,), 0, 60)
    with_zone = content([person("ann"), window], 2)
    there = apply_delta(
        read_delta(between(content([person("ann")]), with_zone)),
        content([person("ann")]),
    )
    assert same(there, with_zone)
    without = content([person("ann")], 3)
    assert same(apply_delta(read_delta(between(with_zone, without)), there), without)


def test_certificates_travel_once_and_leave_with_what_they_covered() -> None:
    first = content([person("ann")], 1, [{"change": "c1"}])
    second = content([person("ann", 2)], 2, [{"change": "c1"}, {"change": "c2"}])
    third = content([person("ann", 3)], 3, [{"change": "c2"}])
    put = json.loads(between(first, second))["certificates"]["put"]
    assert put == [{"change": "c2"}]
    there = apply_delta(read_delta(between(first, second)), first)
    assert same(apply_delta(read_delta(between(second, third)), there), third)


@pytest.mark.parametrize(
    "held",
    [
        content([person("ann"), person("bob"), grant("ann")], 3),
        content([person("ann"), person("bob")]),
    ],
    ids=["another revision", "other records"],
)
def test_a_delta_for_another_base_is_refused(held: Content) -> None:
    with pytest.raises(DeltaBaseError):
        apply_delta(read_delta(GOOD), held)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v["records"]["replace"][0].update(attributes={"level": 3}),
        lambda v: v["records"]["add"].clear(),
        lambda v: v["records"]["remove"].clear(),
        lambda v: v["manifest"]["counts"].update(assignment=3),
        lambda v: v["manifest"].update(state_digest="sha256:" + "a" * 64),
    ],
    ids=["a value", "an addition", "a removal", "a count", "the digest"],
)
def test_a_tampered_delta_does_not_add_up(change: Callable[[Any], object]) -> None:
    with pytest.raises(BundleDigestError):
        apply_delta(read_delta(changed(change)), HELD)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v["records"]["add"].append(v["records"]["replace"].pop()),
        lambda v: v["records"]["replace"].append(v["records"]["add"].pop()),
        lambda v: v["records"]["remove"].__setitem__(0, ["principal", "User::zoe"]),
        lambda v: v["certificates"]["remove"].append("sha256:" + "a" * 64),
        lambda v: v["zones"]["remove"].append("Europe/Berlin"),
    ],
    ids=["added twice", "replaced unknown", "removed unknown", "certificate", "zone"],
)
def test_a_change_that_does_not_fit_is_refused(change: Callable[[Any], object]) -> None:
    blob = changed(change)
    with pytest.raises((DeltaBaseError, DeltaMalformedError)):
        apply_delta(read_delta(blob), HELD)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(format="portward-delta-v2"),
        lambda v: v.pop("zones"),
        lambda v: v.update(note="x"),
        lambda v: v["from"].update(revision="1"),
        lambda v: v["from"].update(revision=True),
        lambda v: v["records"].update(swap=[]),
        lambda v: v["records"]["remove"].append(v["records"]["remove"][0]),
        lambda v: v["records"]["add"].append(v["records"]["add"][0]),
        lambda v: v["records"]["remove"].append(["principal", "User::ann"]),
        lambda v: v["certificates"].update(put=["text"]),
        lambda v: v.update(records=[]),
    ],
)
def test_a_malformed_delta_is_refused(change: Callable[[Any], object]) -> None:
    with pytest.raises(DeltaMalformedError):
        read_delta(changed(change))


def test_records_out_of_order_are_refused() -> None:
    newer = content([*HELD.state.records.values(), person("x"), person("y")], 2)
    value = json.loads(between(HELD, newer))
    read_delta(canonical_bytes(value))
    value["records"]["add"].reverse()
    with pytest.raises(DeltaMalformedError, match="order"):
        read_delta(canonical_bytes(value))


@pytest.mark.parametrize(
    "blob",
    [GOOD[:-1], GOOD + b"\n", GOOD.replace(b",", b", ", 1), b"", b"[]", b"\xff"],
    ids=["cut short", "a tail", "a space", "empty", "a list", "no text"],
)
def test_only_the_canonical_bytes_are_a_delta(blob: bytes) -> None:
    with pytest.raises(DeltaMalformedError):
        read_delta(blob)


def test_a_delta_beyond_the_limit_is_not_parsed() -> None:
    with pytest.raises(BundleTooLargeError):
        read_delta(GOOD, limit=len(GOOD) - 1)


def test_what_is_held_is_not_touched_by_a_delta_that_is_refused() -> None:
    before = HELD.state.tree.digest()
    with pytest.raises(ProtocolError):
        apply_delta(read_delta(changed(lambda v: v["records"]["add"].clear())), HELD)
    assert HELD.state.tree.digest() == before
    assert ("principal", "User::bob") in HELD.state.records


states = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 3), max_size=8)


def people(levels: dict[str, int]) -> list[Record]:
    return [person(name, level) for name, level in levels.items()]


@given(states, states)
def test_every_state_leads_to_every_other(
    first: dict[str, int], second: dict[str, int]
) -> None:
    held, newer = content(people(first)), content(people(second), 2)
    assert same(apply_delta(read_delta(between(held, newer)), held), newer)


@given(states, states, states)
def test_two_steps_are_one(
    first: dict[str, int], second: dict[str, int], third: dict[str, int]
) -> None:
    one, two, three = (
        content(people(levels), n) for n, levels in enumerate((first, second, third), 1)
    )
    step = Changes.between(one.state, two.state)
    steps = step.then(Changes.between(two.state, three.state))
    blob = build_delta(one.manifest, three.manifest, steps, ())
    assert same(apply_delta(read_delta(blob), one), three)


@given(st.data())
def test_a_flipped_bit_never_leads_elsewhere(data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(GOOD) - 1))
    flipped = GOOD[position] ^ (1 << data.draw(st.integers(0, 7)))
    blob = GOOD[:position] + bytes([flipped]) + GOOD[position + 1 :]
    try:
        found = apply_delta(read_delta(blob), HELD)
    except ProtocolError:
        return
    # What is not covered by the state digest is covered by the manifest's.
    assert manifest_digest(found.manifest) != manifest_digest(NEWER.manifest)


def test_a_stored_state_reads_like_the_snapshot() -> None:
    certificates = list(NEWER.certificates.values())
    records = list(NEWER.state.records.values())
    whole = read_snapshot(build_snapshot(NEWER.manifest, records, certificates))
    assert read_state(pack_archive(NEWER.files())) == whole


def test_the_bytes_that_are_carried_on_are_those_of_the_records() -> None:
    assert list(HELD.state.lines)
    there = apply_delta(read_delta(GOOD), HELD)
    ordered = sorted(there.state.records.values(), key=lambda record: record.key)
    assert list(there.state.lines) == [record_bytes(record) for record in ordered]


@pytest.mark.parametrize("name", [MANIFEST_PATH, RECORDS_PATH, CERTIFICATES_PATH])
def test_an_archive_that_carries_something_else_is_found_out(name: str) -> None:
    records = list(NEWER.state.records.values())
    blob = build_snapshot(NEWER.manifest, records, NEWER.certificates.values())
    check_carries(blob, NEWER.files())
    with pytest.raises(BundleDigestError):
        check_carries(blob, {**NEWER.files(), name: b"{}"})


def test_a_stored_state_that_lost_a_record_is_refused() -> None:
    files = NEWER.files()
    _first, rest = files[RECORDS_PATH].split(b"\n", 1)
    with pytest.raises(BundleDigestError):
        read_state(pack_archive({**files, RECORDS_PATH: rest}))


def test_a_state_holds_a_record_once() -> None:
    with pytest.raises(RecordError, match="twice"):
        State.of([person("ann"), person("ann", 2)])


def test_a_bundle_names_every_field_of_its_delta() -> None:
    assert set(json.loads(GOOD)) == delta._FIELDS
