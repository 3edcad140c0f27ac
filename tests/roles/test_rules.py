"""Inheritance, tiers and typed attributes."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.errors import InvalidError
from apps.roles import rules
from apps.roles.rules import AssignmentSpec, EntrySpec, RoleNode, RoleSpec
from protocol.records import EntityRef, Permission

READ = Permission("read", "Namespace")
DEPLOY = Permission("deploy", "Namespace")
TIERS = {READ: "read_only", DEPLOY: "operator"}
GRAPH = {
    "reader": RoleNode("reader", "read_only", frozenset({READ}), ()),
    "developer": RoleNode("developer", "operator", frozenset({DEPLOY}), ("reader",)),
}
SPEC = RoleSpec(
    slug="lead",
    name="Lead",
    tier="operator",
    permissions=(DEPLOY,),
    parents=("developer",),
)


def chain(length: int) -> dict[str, RoleNode]:
    """Return roles that inherit from each other: r0 from r1 from r2 …"""
    return {
        f"r{n}": RoleNode(
            f"r{n}",
            "admin",
            frozenset(),
            (f"r{n + 1}",) if n + 1 < length else (),
        )
        for n in range(length)
    }


def test_a_good_role_is_returned_in_normal_form() -> None:
    twice = replace(SPEC, permissions=(DEPLOY, DEPLOY))
    assert rules.check_role(twice, GRAPH, TIERS) == SPEC


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"slug": "No good"}, "roles.slug_invalid", "slug"),
        ({"name": ""}, "roles.name_invalid", "name"),
        ({"tier": "root"}, "roles.unknown_tier", "tier"),
        (
            {"permissions": (Permission("fly", "Namespace"),)},
            "roles.unknown_permission",
            "permissions",
        ),
        ({"parents": ("ghost",)}, "roles.unknown_role", "parents"),
        ({"parents": ("lead",)}, "roles.cycle", "parents"),
        ({"tier": "read_only", "parents": ()}, "roles.tier_exceeded", "permissions"),
        ({"tier": "read_only", "permissions": ()}, "roles.tier_exceeded", "parents"),
    ],
)
def test_a_role_is_refused_for_one_thing(
    change: dict[str, object], code: str, field: str
) -> None:
    with pytest.raises(InvalidError) as refusal:
        rules.check_role(replace(SPEC, **change), GRAPH, TIERS)  # type: ignore[arg-type]  # names vary
    assert (refusal.value.code, refusal.value.field) == (code, field)
    assert refusal.value.remedy


def test_a_circle_is_refused_with_the_way_it_runs() -> None:
    reader = RoleSpec("reader", "Reader", "operator", parents=("developer",))
    with pytest.raises(InvalidError, match="reader → developer → reader"):
        rules.check_role(reader, GRAPH, TIERS)


@pytest.mark.parametrize(("length", "is_accepted"), [(10, True), (11, False)])
def test_inheritance_is_at_most_ten_deep(length: int, *, is_accepted: bool) -> None:
    top = RoleSpec("top", "Top", "admin", parents=("r0",))
    if is_accepted:
        rules.check_role(top, chain(length), {})
        return
    with pytest.raises(InvalidError, match="deeper than 10"):
        rules.check_role(top, chain(length), {})


@given(st.data())
def test_no_sequence_of_accepted_parents_ever_makes_a_circle(
    data: st.DataObject,
) -> None:
    names = [f"r{n}" for n in range(6)]
    graph = {n: RoleNode(n, "admin", frozenset(), ()) for n in names}
    for _ in range(12):
        slug = data.draw(st.sampled_from(names))
        parents = tuple(data.draw(st.sets(st.sampled_from(names), max_size=3)))
        spec = RoleSpec(slug, slug, "admin", parents=parents)
        try:
            rules.check_role(spec, graph, {})
        except InvalidError:
            continue
        graph[slug] = RoleNode(slug, "admin", frozenset(), parents)
    for name in names:
        above = {a for p in graph[name].parents for a in rules.ancestry(graph, p)}
        assert name not in above


def test_inherited_permissions_name_the_role_they_come_from() -> None:
    assert rules.effective_permissions(GRAPH, "developer") == {
        DEPLOY: "developer",
        READ: "reader",
    }


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"clearance": 3}, ""),
        ({"clearance": "3"}, "roles.attribute_type"),
        ({"clearance": True}, "roles.attribute_type"),
        ({"shoe_size": 43}, "roles.unknown_attribute"),
    ],
)
def test_attributes_are_known_and_typed(
    attributes: dict[str, object], code: str
) -> None:
    entry = EntrySpec(EntityRef("User", "alice"), attributes=attributes)
    if not code:
        rules.check_entry(entry, {"clearance": "long"})
        return
    with pytest.raises(InvalidError) as refusal:
        rules.check_entry(entry, {"clearance": "long"})
    assert refusal.value.code == code
    assert refusal.value.field.startswith("attributes.")


@pytest.mark.parametrize("key", ["", "a b", 'a"b', "a\\b", "a\nb", "x" * 256])
def test_a_key_without_a_safe_shape_is_refused(key: str) -> None:
    with pytest.raises(InvalidError) as refusal:
        rules.check_entry(EntrySpec(EntityRef("User", key)), {})
    assert refusal.value.field == "key"


def test_an_assignment_ends_after_it_starts() -> None:
    noon = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
    spec = AssignmentSpec(EntityRef("User", "alice"), "reader", start=noon, end=noon)
    with pytest.raises(InvalidError) as refusal:
        rules.check_assignment(spec)
    assert refusal.value.code == "roles.end_before_start"


def test_only_a_standing_assignment_may_be_open_ended() -> None:
    spec = AssignmentSpec(EntityRef("User", "alice"), "reader", source="elevation")
    with pytest.raises(InvalidError) as refusal:
        rules.check_assignment(spec)
    assert refusal.value.code == "roles.end_missing"
