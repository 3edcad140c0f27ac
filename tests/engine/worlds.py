"""Small worlds in which everything can meet everything."""

from __future__ import annotations

import datetime as dt

from hypothesis import strategies as st

from engine.calendar import window_condition
from engine.cedar import condition_text
from engine.places import location_condition
from protocol.records import (
    AssignmentRecord,
    EntityRef,
    Head,
    LocationRecord,
    Record,
    WindowRecord,
)
from protocol.zones import zone_transitions
from tests.engine.builders import (
    ALICE,
    BERLIN,
    NOON,
    WEB,
    policy,
    principal,
    resource,
    role,
)

BOB = EntityRef("User", "bob")
OPERATORS = Head("in", "Role", "operator")
IN_BERLIN = Head("in", "ResourceGroup", "berlin")
MFA = condition_text("mfa", ">=", 2)
OFFICE = LocationRecord("office", "Office", ("10.0.0.0/8",), ("DE",))
# NOON is a Friday, 13:00 in Berlin.
MORNINGS = WindowRecord("mornings", "Mornings", "Europe/Berlin", (1, 2, 3), 480, 720)
ZONES = {"Europe/Berlin": zone_transitions("Europe/Berlin", 1_790_000_000)}


ROLES = ("operator", "lead", "viewer")
PLACES = (None, BERLIN, EntityRef("ResourceGroup", "munich"))
heads = st.sampled_from(
    [Head(), Head("is", "User"), Head("==", "User", "alice")]
    + [Head("in", "Role", name) for name in ROLES]
)
places = st.sampled_from(
    [
        Head(),
        Head("==", "Node", "web-1"),
        Head("is", "Node"),
        IN_BERLIN,
        Head("is_in", "Node", in_type="ResourceGroup", in_id="munich"),
    ]
)
CONDITIONS = (
    MFA,
    condition_text("risk", "<", 50),
    condition_text("risk", ">", 70, unknown_matches=True),
    window_condition(MORNINGS),
    location_condition(OFFICE, unknown_matches=False),
    location_condition(OFFICE, unknown_matches=True),
    "context.risk > 1",
)


@st.composite
def worlds(draw: st.DrawFn) -> list[Record]:
    records: list[Record] = [
        role("lead", "operator"),
        role("operator", "viewer"),
        role("viewer"),
        principal(ALICE),
        principal(BOB),
        resource(BERLIN),
        resource(WEB, *draw(st.sampled_from([(), (BERLIN,)]))),
        MORNINGS,
        OFFICE,
    ]
    records += [
        policy(
            f"p{number}",
            effect=draw(st.sampled_from(["permit", "permit", "forbid"])),
            principal=draw(heads),
            resource=draw(places),
            when=tuple(draw(st.lists(st.sampled_from(CONDITIONS), max_size=2))),
        )
        for number in range(draw(st.integers(0, 4)))
    ]
    for number in range(draw(st.integers(0, 4))):
        lender = draw(st.sampled_from([None, BOB]))
        records.append(
            AssignmentRecord(
                f"a{number}",
                draw(st.sampled_from([ALICE, BOB])) if lender is None else ALICE,
                draw(st.sampled_from(ROLES)),
                draw(st.sampled_from(PLACES)),
                None,
                draw(st.sampled_from([None, "2026-11-20T12:00:00Z"])),
                "standing" if lender is None else "delegation",
                lender,
            )
        )
    return records


contexts = st.fixed_dictionaries(
    {},
    optional={
        "mfa": st.integers(0, 3),
        "risk": st.integers(0, 100),
        "ip": st.sampled_from(["10.1.1.1", "192.0.2.1"]),
        "country": st.sampled_from(["DE", "FR"]),
    },
)
moments = st.sampled_from([NOON, dt.datetime(2026, 11, 23, 7, tzinfo=dt.UTC)])
