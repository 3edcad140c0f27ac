"""Locations mean the same in Python and in Cedar."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import cedar
from engine.decide import known_context
from engine.errors import ContextError
from engine.places import (
    EARTH_RADIUS,
    Whereabouts,
    contains,
    distance,
    is_sphere_point,
    is_within,
    location_condition,
    normalize_cidr,
    normalize_ip,
    reasons,
    sphere,
)
from engine.schema import base_schema
from protocol.records import City, Fence, LocationRecord

OFFICE = LocationRecord("o", "Office", ("10.0.0.0/8", "2001:db8::/32"), ("DE",))


def holds(location: LocationRecord, *, unknown: bool, **context: Any) -> bool:
    condition = location_condition(location, unknown_matches=unknown)
    # Node groups do not come from whoever asks.
    names = ("node_groups",)
    groups = {name: context.pop(name) for name in names if name in context}
    text = f'@id("l")\npermit (principal, action, resource) when {{ {condition} }};'
    found = cedar.evaluate(
        {
            "principal": {"type": "User", "id": "u"},
            "action": {"type": "Action", "id": "a"},
            "resource": {"type": "R", "id": "r"},
            "context": known_context(context) | groups,
        },
        cedar.parse_policies(text),
        [],
    )
    assert found.errors == ()
    return found.allowed


def test_a_mapped_address_is_the_ipv4_address() -> None:
    assert normalize_ip("::ffff:10.0.0.1") == "10.0.0.1"
    assert contains(OFFICE, Whereabouts(ip="::ffff:10.0.0.1"))
    assert holds(OFFICE, unknown=False, ip="::ffff:10.0.0.1")


def test_a_mapped_range_is_the_ipv4_range() -> None:
    assert normalize_cidr("::ffff:10.0.0.0/104") == "10.0.0.0/8"


def test_a_location_with_a_mapped_range_holds_the_ipv4_address() -> None:
    mapped = LocationRecord("m", "Mapped", ("::ffff:10.0.0.0/104",), ())
    for ip in ("10.0.0.1", "::ffff:10.0.0.1"):
        assert contains(mapped, Whereabouts(ip=ip))
        assert holds(mapped, unknown=False, ip=ip)


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "office", "::g/64"])
def test_a_range_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        normalize_cidr(text)


@pytest.mark.parametrize("text", ["10.0.0", "fe80::1%eth0", "", "localhost"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ContextError):
        normalize_ip(text)


def test_an_unknown_place_is_outside_for_a_permit_and_inside_for_a_forbid() -> None:
    assert not holds(OFFICE, unknown=False)
    assert holds(OFFICE, unknown=True)


def test_a_known_place_outside_is_outside_for_both() -> None:
    elsewhere = {"ip": "192.0.2.1", "country": "FR"}
    assert not holds(OFFICE, unknown=False, **elsewhere)
    assert not holds(OFFICE, unknown=True, **elsewhere)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str),
    st.sampled_from(["DE", "FR", "US"]),
)
def test_the_cedar_expression_agrees_with_python(ip: str, country: str) -> None:
    assert holds(OFFICE, unknown=False, ip=ip, country=country) == contains(
        OFFICE, Whereabouts(ip=ip, country=country)
    )


BERLIN = (52_520_000, 13_405_000)
POTSDAM = (52_399_000, 13_066_000)
HAMBURG = (53_551_000, 9_994_000)
AROUND = LocationRecord("a", "Around Berlin", fence=Fence(*BERLIN, 50_000))
CITIES = LocationRecord(
    "c", "Cities", cities=(City("DE", "Berlin"), City("US", "Boston"))
)
GROUPS = LocationRecord("g", "Edge nodes", node_groups=("edge", "branch"))


def geo(position: tuple[int, int]) -> dict[str, int]:
    return {"lat": position[0], "lon": position[1]}


@pytest.mark.parametrize(
    ("position", "inside"), [(BERLIN, True), (POTSDAM, True), (HAMBURG, False)]
)
def test_a_fence_holds_what_is_near_its_center(
    position: tuple[int, int], *, inside: bool
) -> None:
    assert holds(AROUND, unknown=False, geo=geo(position)) is inside
    assert contains(AROUND, Whereabouts(position=position)) is inside


def test_a_fence_reaches_across_the_date_line_and_over_a_pole() -> None:
    fiji = LocationRecord("f", "Fiji", fence=Fence(-17_700_000, 179_900_000, 50_000))
    pole = LocationRecord("p", "Pole", fence=Fence(90_000_000, 0, 200_000))
    for place, position in (
        (fiji, (-17_700_000, -179_900_000)),
        (pole, (89_000_000, 135_000_000)),
    ):
        assert holds(place, unknown=False, geo=geo(position))
        assert contains(place, Whereabouts(position=position))


def test_a_point_of_the_caller_is_not_believed() -> None:
    claimed = {**geo(HAMBURG), "x": 0, "y": 0, "z": 10**9}
    assert known_context({"geo": claimed}) == known_context({"geo": geo(HAMBURG)})


@pytest.mark.parametrize(
    "given",
    [
        "52,13",
        {"lat": 52.5, "lon": 13},
        {"lat": True, "lon": 13},
        {"lat": 1},
        {"lat": 90_000_001, "lon": 0},
        {"lat": 0, "lon": -180_000_001},
    ],
)
def test_a_position_that_is_none_is_refused(given: object) -> None:
    with pytest.raises(ContextError):
        known_context({"geo": given})


positions = st.tuples(
    st.integers(-90_000_000, 90_000_000), st.integers(-180_000_000, 180_000_000)
)


def great_circle(a: tuple[int, int], b: tuple[int, int]) -> float:
    lat1, lon1, lat2, lon2 = (math.radians(v / 10**6) for v in (*a, *b))
    half = (
        math.sin((lat2 - lat1) / 2) ** 2
        + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return 2 * EARTH_RADIUS * math.asin(min(1.0, math.sqrt(half)))


@settings(max_examples=200, deadline=None)
@given(positions, positions, st.integers(1, 20_038_000))
def test_a_fence_is_a_circle_on_the_globe_and_the_same_in_cedar(
    center: tuple[int, int], position: tuple[int, int], radius: int
) -> None:
    place = LocationRecord("p", "Place", fence=Fence(*center, radius))
    found = contains(place, Whereabouts(position=position))
    assert holds(place, unknown=False, geo=geo(position)) is found
    distance = great_circle(center, position)
    # Near the far side of the globe a straight line says little about the way round.
    if abs(distance - radius) > 2 and min(distance, radius) < 19_900_000:
        assert found is (distance < radius)


@settings(max_examples=100, deadline=None)
@given(positions, st.integers(1, 20_038_000))
def test_a_center_lies_in_its_circle(center: tuple[int, int], radius: int) -> None:
    assert is_within(Fence(*center, radius), center)


@pytest.mark.parametrize(
    ("context", "permit", "forbid"),
    [
        ({"country": "DE", "city": "Berlin"}, True, True),
        ({"country": "DE", "city": "Boston"}, False, False),
        ({"country": "DE"}, False, True),
        ({"country": "FR"}, False, False),
        ({"city": "Berlin"}, False, True),
        ({}, False, True),
    ],
)
def test_a_city_belongs_to_its_country(
    context: dict[str, str], *, permit: bool, forbid: bool
) -> None:
    known = Whereabouts(**context)  # type: ignore[arg-type]  # texts only
    assert holds(CITIES, unknown=False, **context) is permit
    assert holds(CITIES, unknown=True, **context) is forbid
    assert contains(CITIES, known) is permit
    assert contains(CITIES, known, unknown_matches=True) is forbid


@pytest.mark.parametrize(
    ("groups", "inside"), [(["branch", "x"], True), (["x"], False), ([], False)]
)
def test_a_place_can_be_a_group_of_nodes(groups: list[str], *, inside: bool) -> None:
    assert holds(GROUPS, unknown=False, node_groups=groups) is inside
    assert contains(GROUPS, Whereabouts(node_groups=frozenset(groups))) is inside


def test_whoever_asks_cannot_name_the_groups_of_the_node() -> None:
    assert known_context({"node_groups": ["edge"]}) == {}


@pytest.mark.parametrize("place", [OFFICE, AROUND, CITIES, GROUPS])
@pytest.mark.parametrize("forbid", [False, True])
@pytest.mark.parametrize("flag", [False, True])
def test_an_unknown_place_counts_for_a_forbid_or_when_the_location_says_so(
    place: LocationRecord, *, forbid: bool, flag: bool
) -> None:
    marked = replace(place, unknown_matches=flag)
    assert holds(marked, unknown=forbid) is (forbid or flag)
    assert contains(marked, Whereabouts(), unknown_matches=forbid) is (forbid or flag)


@pytest.mark.parametrize(
    ("network", "ip", "inside"),
    [
        ("0.0.0.0/0", "192.0.2.1", True),
        ("0.0.0.0/0", "::ffff:192.0.2.1", True),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("::/0", "2001:db8::1", True),
        ("::/0", "192.0.2.1", False),
        ("::/0", "::ffff:192.0.2.1", False),
    ],
)
def test_all_of_one_family_holds_nothing_of_the_other(
    network: str, ip: str, *, inside: bool
) -> None:
    place = LocationRecord("n", "Network", (network,))
    assert holds(place, unknown=False, ip=ip) is inside
    assert contains(place, Whereabouts(ip=ip)) is inside


def test_each_part_says_whether_it_matches() -> None:
    both = replace(OFFICE, fence=AROUND.fence)
    assert reasons(both, Whereabouts(ip="10.1.1.1", country="FR")) == {
        "cidrs": True,
        "countries": False,
        "fence": None,
    }


def test_every_kind_of_location_satisfies_the_schema() -> None:
    schema = base_schema(actions={"a": ["R"]}, resource_types=["R"])
    whole = LocationRecord(
        "w",
        "Whole",
        OFFICE.cidrs,
        OFFICE.countries,
        CITIES.cities,
        AROUND.fence,
        GROUPS.node_groups,
    )
    for unknown_matches in (False, True):
        condition = location_condition(whole, unknown_matches=unknown_matches)
        text = '@id("l")\npermit (principal, action, resource) when { ' + condition
        assert cedar.validate_policies(f"{text} }};", schema) == []


@given(positions)
def test_only_points_on_the_sphere_are_positions(position: tuple[int, int]) -> None:
    x, y, z = sphere(*position)
    assert is_sphere_point((x, y, z))
    assert not is_sphere_point((x, y))
    assert not is_sphere_point((x, y, z, 0))
    assert not is_sphere_point((x + x, y + y, z + z))


def test_a_point_one_off_the_sphere_is_no_position() -> None:
    assert not is_sphere_point((10**9 + 1, 0, 0))
    assert not is_sphere_point((0, 10**9 - 1, 0))


def test_the_poles_and_the_meridians_are_where_they_are() -> None:
    assert sphere(90_000_000, 0) == (0, 0, 10**9)
    assert sphere(0, 0) == (10**9, 0, 0)
    assert sphere(0, 90_000_000) == (0, 10**9, 0)
    assert sphere(0, -180_000_000) == (-(10**9), 0, 0)


@settings(max_examples=100, deadline=None)
@given(positions, positions)
def test_the_distance_is_that_of_the_great_circle(
    center: tuple[int, int], position: tuple[int, int]
) -> None:
    found = distance(Fence(*center, 1), position)
    way = great_circle(center, position)
    # Near the far side of the globe a straight line says little about the way round.
    assert found == pytest.approx(way, rel=1e-4, abs=2) or way > 19_900_000


@pytest.mark.parametrize(
    ("center", "opposite"),
    [
        ((0, 0), (0, 180_000_000)),
        # Rounded, these two lie further apart than a diameter.
        ((17_000_000, 145_000_000), (-17_000_000, -35_000_000)),
    ],
)
def test_the_far_side_of_the_globe_is_half_its_circumference_away(
    center: tuple[int, int], opposite: tuple[int, int]
) -> None:
    found = distance(Fence(*center, 1), opposite)
    assert found == pytest.approx(math.pi * EARTH_RADIUS)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"geo": "52,13"}, "context.geo: must be an object"),
        ({"geo": {"lat": "x", "lon": 1}}, "context.geo.lat: must be of type long"),
        (
            {"geo": {"lat": 1, "lon": 180_000_001}},
            "context.geo.lon: must be from -180000000 to 180000000",
        ),
        (
            {"geo": {"lat": -90_000_001, "lon": 1}},
            "context.geo.lat: must be from -90000000 to 90000000",
        ),
        ({"ip": "localhost"}, "context.ip: 'localhost' is not an IP address"),
        (
            {"ip": "fe80::1%eth0"},
            "context.ip: an address with a scope id is not accepted",
        ),
    ],
)
def test_a_refused_place_names_its_field(given: dict[str, object], reason: str) -> None:
    with pytest.raises(ContextError) as caught:
        known_context(given)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    "position", [(90_000_000, 180_000_000), (-90_000_000, -180_000_000)]
)
def test_a_position_may_be_a_pole_and_on_the_date_line(
    position: tuple[int, int],
) -> None:
    x, y, z = sphere(*position)
    known = {**geo(position), "x": x, "y": y, "z": z}
    assert known_context({"geo": geo(position)}) == {"geo": known}


def test_the_edge_of_a_circle_lies_inside() -> None:
    # A circle around the whole globe: its edge is the point on the far side.
    assert is_within(Fence(0, 0, 20_038_000), (0, 180_000_000))


@pytest.mark.parametrize("text", [" 10.0.0.1", "10.0.0.1\n"])
def test_space_around_an_address_does_not_count(text: str) -> None:
    assert normalize_ip(text) == "10.0.0.1"
    assert normalize_cidr(f"{text.strip()}/32 ") == "10.0.0.1/32"


def test_a_location_that_lists_nothing_holds_nobody() -> None:
    empty = LocationRecord("e", "Empty")
    for unknown in (False, True):
        assert not holds(empty, unknown=unknown, ip="10.0.0.1")
        assert not contains(empty, Whereabouts(), unknown_matches=unknown)


def test_every_part_of_a_location_says_whether_it_matches() -> None:
    whole = replace(
        OFFICE,
        cities=CITIES.cities,
        fence=AROUND.fence,
        node_groups=GROUPS.node_groups,
    )
    here = Whereabouts("10.1.1.1", "DE", "Berlin", BERLIN, frozenset({"edge"}))
    away = Whereabouts("192.0.2.1", "FR", "Paris", HAMBURG, frozenset({"x"}))
    names = ("cidrs", "countries", "cities", "fence", "node_groups")
    assert reasons(whole, here) == dict.fromkeys(names, True)
    assert reasons(whole, away) == dict.fromkeys(names, False)
    assert reasons(whole, Whereabouts()) == dict.fromkeys(names)


def test_a_country_may_have_several_cities_and_a_city_name_several_countries() -> None:
    several = (City("US", "Boston"), City("DE", "Berlin"), City("US", "Berlin"))
    place = replace(CITIES, cities=several)
    for city, inside in ((City("US", "Berlin"), True), (City("DE", "Boston"), False)):
        known = {"country": city.country, "city": city.name}
        assert holds(place, unknown=True, **known) is inside
        assert contains(place, Whereabouts(**known)) is inside  # type: ignore[arg-type]
