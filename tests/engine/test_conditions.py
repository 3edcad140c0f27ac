"""Conditions are read back from the text that decides, or shown as they stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendar import window_condition
from engine.cedar import (
    CONTEXT_ATTRIBUTES,
    OPERATORS,
    Attribute,
    AttributeType,
    condition_text,
    statement_text,
)
from engine.conditions import (
    Condition,
    ConditionKind,
    read_condition,
    read_conditions,
    split,
)
from engine.places import location_condition
from protocol.records import City, Fence, Head, LocationRecord, WindowRecord

REGISTRY = (
    Attribute("User", "team", AttributeType.STRING),
    Attribute("Node", "labels", AttributeType.STRINGS),
)
HEADS = (Head("in", "Role", 'an "odd" && role'), Head(), Head("is", "Node"))
texts = st.text(max_size=20).filter(lambda text: text.isprintable())
windows = st.builds(
    WindowRecord,
    st.just(""),
    st.just(""),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/Port-au-Prince"]),
    weekdays=st.sets(st.integers(1, 7), min_size=1).map(lambda d: tuple(sorted(d))),
    start_minute=st.integers(0, 1439),
    end_minute=st.integers(0, 1440),
    date_from=st.sampled_from([None, "2026-01-02", "2026-12-31"]),
    date_until=st.sampled_from([None, "2027-01-01"]),
    closed_on=st.sampled_from([(), ("2026-12-25",), ("2026-12-25", "2027-01-01")]),
    open_on=st.sampled_from([(), ("2026-12-27",), ("2026-12-27", "2027-01-02")]),
    opens_at=st.sampled_from([None, "2026-01-01T12:00:00Z"]),
    closes_at=st.sampled_from([None, "2027-01-01T12:00:00Z"]),
)
locations = st.builds(
    LocationRecord,
    st.just(""),
    st.just(""),
    cidrs=st.lists(st.sampled_from(["10.0.0.0/8", "2001:db8::/32"]), unique=True).map(
        tuple
    ),
    countries=st.lists(st.sampled_from(["DE", "FR", "US"]), unique=True).map(tuple),
    cities=st.sets(
        st.builds(
            City,
            st.sampled_from(["DE", "FR"]),
            st.sampled_from(["Berlin", 'Saint "Denis"', "Zü\\rich", "a||b"]),
        ),
        max_size=3,
    ).map(lambda cities: tuple(sorted(cities))),
    fence=st.none()
    | st.builds(
        Fence,
        # Nearer to a pole, several longitudes give one and the same text.
        st.integers(-80_000_000, 80_000_000),
        st.integers(-179_999_999, 180_000_000),
        st.integers(100, 20_000_000),
    ),
    node_groups=st.lists(
        st.sampled_from(["edge", "core_2"]), unique=True, max_size=2
    ).map(tuple),
).filter(
    lambda place: bool(
        place.cidrs
        or place.countries
        or place.cities
        or place.fence
        or place.node_groups
    )
)


@st.composite
def comparisons(draw: st.DrawFn) -> tuple[str, str, object]:
    known = {**CONTEXT_ATTRIBUTES, **{found.path: found.type for found in REGISTRY}}
    name = draw(st.sampled_from(sorted(known)))
    op = draw(st.sampled_from(OPERATORS[known[name]]))
    value: object
    match known[name]:
        case AttributeType.BOOL:
            value = draw(st.booleans())
        case AttributeType.LONG:
            value = draw(st.integers(0, 100))
        case _:
            value = draw(texts)
    return name, op, [value] if op == "in" else value


def any_of(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({' || '.join(parts)})"


@given(st.lists(windows, min_size=1, max_size=3))
def test_windows_are_read_back(given_windows: list[WindowRecord]) -> None:
    found = read_condition(any_of([window_condition(w) for w in given_windows]))

    assert (found.kind, found.windows) == (
        ConditionKind.WINDOW,
        tuple(given_windows),
    )


@given(
    places=st.lists(locations, min_size=1, max_size=3), unknown_matches=st.booleans()
)
def test_locations_are_read_back(
    places: list[LocationRecord], *, unknown_matches: bool
) -> None:
    found = read_condition(
        any_of([location_condition(p, unknown_matches=unknown_matches) for p in places])
    )

    assert found.kind == ConditionKind.LOCATION
    assert found.locations == tuple(places)
    assert found.unknown_matches is unknown_matches


@given(wanted=comparisons(), unknown_matches=st.booleans())
def test_attributes_are_read_back(
    wanted: tuple[str, str, object], *, unknown_matches: bool
) -> None:
    name, op, value = wanted
    text = condition_text(
        name, op, value, registry=REGISTRY, unknown_matches=unknown_matches
    )

    found = read_condition(text)

    assert found == Condition(
        ConditionKind.ATTRIBUTE,
        text,
        attribute=name,
        op=op,
        value=value,
        unknown_matches=unknown_matches,
    )


def test_an_attribute_of_several_types_is_one_condition() -> None:
    one = condition_text(
        "principal.team", "==", "blue", registry=REGISTRY, unknown_matches=True
    )
    text = f"((principal is Service && {one}) || (principal is User && {one}))"

    found = read_condition(text)

    assert (found.attribute, found.op, found.value) == ("principal.team", "==", "blue")


@given(st.lists(windows.map(window_condition), max_size=2), texts)
def test_a_statement_comes_apart_into_its_conditions(
    parts: list[str], text: str
) -> None:
    parts = [*parts, condition_text("path", "==", text)]

    found = read_conditions(statement_text("p#0", "permit", HEADS, parts))

    assert found is not None
    assert [condition.cedar for condition in found] == parts


def test_a_statement_without_conditions_has_none() -> None:
    assert read_conditions(statement_text("p#0", "permit", HEADS, ())) == []


@pytest.mark.parametrize(
    "body",
    [
        "unless { context.risk > 1 }",
        "when { true } unless { false }",
        "when { context.risk > 1 || true }",
    ],
)
def test_a_statement_of_another_hand_is_not_taken_apart(body: str) -> None:
    assert (
        read_conditions(f'@id("p#0")\npermit (principal, action, resource) {body};')
        is None
    )


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "context.risk > 1",
        "(context has mfa && context.risk > 1)",
        "(context has mfa && principal has team)",
        "not Cedar at all",
        "(context has mfa && context.mfa >= context.risk)",
    ],
)
def test_what_is_not_understood_stays_as_it_stands(text: str) -> None:
    assert read_condition(text) == Condition(ConditionKind.OTHER, text)


def test_operators_inside_brackets_and_strings_do_not_split() -> None:
    text = r'(a && b) && "x \" && y" && [c && d]'

    assert list(split(text, "&&")) == ["(a && b)", r'"x \" && y"', "[c && d]"]
