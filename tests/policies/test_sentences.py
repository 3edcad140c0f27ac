"""Sentences with the names of things, and times and places spelled out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apps.policies.rules import (
    Condition,
    Obligation,
    PolicyContent,
    PrincipalItem,
    ResourceItem,
    SpanKind,
    Words,
    sentence,
    sentence_spans,
)
from apps.policies.rules.words import location_words, window_words
from protocol.records import City, EntityRef, Fence, LocationRecord, WindowRecord

OFFICE_HOURS = WindowRecord(
    "office-hours",
    name="Office hours",
    zone="Europe/Berlin",
    weekdays=(1, 2, 3, 4, 5),
    start_minute=480,
    end_minute=1080,
)
OFFICE = LocationRecord("office", name="Berlin office", cidrs=("10.1.0.0/16",))
WORDS = Words(
    names={
        EntityRef("Role", "operator"): "Operator",
        EntityRef("Role", "dba"): "Database administrator",
        EntityRef("Role", "support"): "Customer support",
        EntityRef("User", "alice"): "Alice Hart",
        EntityRef("ResourceGroup", "web"): "Web nodes",
        EntityRef("Node", "web-1"): "",
    },
    windows={"office-hours": OFFICE_HOURS},
    locations={"office": OFFICE},
)
PLAIN = PolicyContent(
    name="x",
    effect="permit",
    tier="operator",
    principals=(PrincipalItem("Role", "operator"),),
    actions=("restart",),
    resources=(ResourceItem("ResourceGroup", "web"),),
)


def test_the_sentence_of_the_brochure() -> None:
    content = replace(PLAIN, windows=("office-hours",), locations=("office",))

    assert sentence(content, WORDS) == (
        "Operators may restart on group Web nodes "
        "during Office hours (Mon\N{EN DASH}Fri 08:00\N{EN DASH}18:00 Europe/Berlin) "
        "from Berlin office (10.1.0.0/16)."
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"principals": ()}, "Anybody may restart on group Web nodes."),
        (
            {"principals": (PrincipalItem("Role", "support"),)},
            "Members of Customer support may restart on group Web nodes.",
        ),
        (
            {
                "principals": (
                    PrincipalItem("Role", "dba"),
                    PrincipalItem("User", "alice"),
                )
            },
            "Database administrators and Alice Hart may restart on group Web nodes.",
        ),
        (
            {"principals": (PrincipalItem("Role", "unheard-of"),)},
            "Members of unheard-of may restart on group Web nodes.",
        ),
        ({"actions": ()}, "Operators may do everything their role holds on group Web "),
        ({"resources": ()}, "Operators may restart on everything."),
        (
            {"resources": (ResourceItem("Node", "web-1"), ResourceItem("Database"))},
            "Operators may restart on Node web-1 and every Database.",
        ),
        (
            {"effect": "forbid", "actions": ()},
            "Operators may not do anything on group Web nodes.",
        ),
        (
            {"effect": "forbid", "actions": ("drain", "restart")},
            "Operators may not drain or restart on group Web nodes.",
        ),
        (
            {"effect": "forbid", "principals": (), "actions": ()},
            "Nobody may do anything on group Web nodes.",
        ),
        (
            {"effect": "forbid", "resources": ()},
            "Operators may not restart on anything.",
        ),
        (
            {"effect": "forbid", "resources": (ResourceItem("Database"),)},
            "Operators may not restart on any Database.",
        ),
        (
            {"windows": ("gone",)},
            "Operators may restart on group Web nodes during gone.",
        ),
        (
            {"conditions": (Condition("mfa", ">=", 2), Condition("risk", "<", 50))},
            "if the MFA level is at least 2 and the risk is below 50.",
        ),
        (
            {"effective_from": "2026-12-01T08:00:00Z"},
            "on group Web nodes, from 1 Dec 2026 08:00 UTC.",
        ),
        (
            {
                "effective_from": "2026-12-01T00:00:00Z",
                "effective_until": "2027-01-01T00:00:00Z",
            },
            ", from 1 Dec 2026 00:00 UTC, until 1 Jan 2027 00:00 UTC.",
        ),
        (
            {
                "obligations": (
                    Obligation("mfa", level=2, max_age=300),
                    Obligation("device_trust"),
                    Obligation("notify", to="the owner", body="Done."),
                )
            },
            (
                "on group Web nodes; it asks for MFA level 2 proven in the last "
                "5 minutes and a trusted device; it tells the owner."
            ),
        ),
    ],
)
def test_every_part_of_a_policy_is_said(change: dict[str, object], text: str) -> None:
    assert text in sentence(replace(PLAIN, **change), WORDS)  # type: ignore[arg-type]


def test_names_and_what_explains_them_are_told_apart() -> None:
    content = replace(PLAIN, windows=("office-hours",))
    kinds = {span.text: span.kind for span in sentence_spans(content, WORDS)}
    assert kinds["Operators"] is SpanKind.NAME
    assert kinds[" may "] is SpanKind.VERB
    assert kinds["Office hours"] is SpanKind.NAME


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"weekdays": (1, 2, 3, 4, 5, 6, 7)}, "every day 08:00-18:00 Europe/Berlin"),
        ({"weekdays": (1, 3)}, "Mon and Wed 08:00-18:00 Europe/Berlin"),
        (
            {"start_minute": 0, "end_minute": 1440},
            "Mon-Fri around the clock Europe/Berlin",
        ),
        (
            {"date_from": "2026-12-15", "date_until": "2027-01-06"},
            "Mon-Fri 08:00-18:00 Europe/Berlin, from 15 Dec 2026, until 6 Jan 2027",
        ),
        (
            {"closed_on": ("2026-12-24",), "open_on": ("2026-12-19",)},
            "not on 24 Dec 2026, also on 19 Dec 2026",
        ),
        (
            {"closed_on": tuple(f"2026-12-2{n}" for n in range(5))},
            "not on 5 days",
        ),
        (
            {"opens_at": "2026-12-11T19:00:00Z", "closes_at": "2026-12-13T05:00:00Z"},
            "once, 11 Dec 2026 19:00 UTC-13 Dec 2026 05:00 UTC",
        ),
    ],
)
def test_a_window_is_spelled_out_with_its_zone(
    change: dict[str, object], text: str
) -> None:
    window = replace(OFFICE_HOURS, **change)  # type: ignore[arg-type]
    assert text in window_words(window).replace("\N{EN DASH}", "-")


@pytest.mark.parametrize(
    ("location", "text"),
    [
        (LocationRecord("x", name="x", countries=("DE", "PT")), "DE or PT"),
        (
            LocationRecord("x", name="x", countries=("AT", "BE", "DE", "ES", "FR")),
            "AT, BE, DE or 2 more",
        ),
        (LocationRecord("x", name="x", cities=(City("DE", "Berlin"),)), "Berlin DE"),
        (
            LocationRecord("x", name="x", fence=Fence(52_520_000, 13_405_000, 60_000)),
            "within 60 km of 52.52, 13.405",
        ),
        (
            LocationRecord("x", name="x", cidrs=("10.0.0.0/8",), node_groups=("edge",)),
            "10.0.0.0/8 or nodes of edge",
        ),
    ],
)
def test_a_location_is_spelled_out(location: LocationRecord, text: str) -> None:
    assert location_words(location) == text
