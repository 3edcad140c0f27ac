"""What windows and locations say in words, and what their pictures show."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from apps.scopes.choices import COUNTRIES
from apps.scopes.rules import check_window
from apps.scopes.rules.pictures import Span, picture_days, picture_start
from apps.scopes.rules.sentences import location_sentence, window_sentence
from apps.scopes.rules.windows import WindowSpec
from apps.scopes.rules.worldmap import country_names, world_map
from protocol.records import City, Fence, WindowRecord
from protocol.zones import zone_transitions
from tests.scopes.test_rules import EVE, FREEZE, LOCATION, WINDOW

NOW = dt.datetime(2026, 10, 21, 12, tzinfo=dt.UTC)
NIGHT = WindowRecord("n", "Nights", "Europe/Berlin", (5, 6), 1320, 300)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (WINDOW, "Open Monday to Friday from 08:00 to 18:00, Europe/Berlin time."),
        (
            replace(
                WINDOW,
                weekdays=(1, 3),
                start_minute=1320,
                end_minute=300,
                is_overnight=True,
                date_from=EVE,
            ),
            (
                "Open Monday and Wednesday from 22:00 to 05:00 on the next day, from "
                "2026-12-24, Europe/Berlin time."
            ),
        ),
        (
            replace(
                WINDOW,
                weekdays=(1, 2, 3, 4, 5, 6, 7),
                start_minute=0,
                end_minute=1440,
                closed_dates=(EVE,),
                closed_calendars=("germany",),
                open_calendars=("sales",),
            ),
            (
                "Open every day around the clock, Europe/Berlin time, except on the "
                "days of germany and 2026-12-24, and also on the days of sales."
            ),
        ),
        (
            check_window(FREEZE),
            (
                "Open once, from Fri 2026-12-18 18:00 until Mon 2027-01-04 08:00, "
                "Europe/Berlin time."
            ),
        ),
    ],
)
def test_a_window_is_one_sentence(spec: WindowSpec, expected: str) -> None:
    assert window_sentence(spec) == expected


def test_a_location_is_said_in_words() -> None:
    spec = replace(
        LOCATION,
        countries=("DE", "FR"),
        cities=(City("US", "Boston"),),
        fence=Fence(52_520_000, 13_405_000, 60_500),
        node_groups=("edge",),
    )
    said = location_sentence(spec)
    assert said.startswith(
        "A request from an address in 10.1.0.0/16, or anywhere in DE or FR, or the "
        "city of Boston (US), or a place within 60.5 km of 52.52, 13.405, or a node "
        "of edge."
    )
    assert "a permit does not apply" in said
    assert "counts as from here" in location_sentence(
        replace(spec, unknown_matches=True)
    )


def picture(window: WindowRecord) -> dict[str, tuple[Span, ...]]:
    start = int(picture_start(window.zone, NOW).timestamp())
    found = picture_days(window, NOW, zone_transitions(window.zone, start), {})
    assert len(found) == 28
    assert [day.date for day in found if day.is_today] == [dt.date(2026, 10, 21)]
    return {day.date.isoformat(): day.spans for day in found}


def test_a_night_is_drawn_on_both_of_its_days() -> None:
    days = picture(NIGHT)
    assert days["2026-10-22"] == ()
    assert days["2026-10-23"] == (Span(1320, 1440),)
    assert days["2026-10-24"] == (Span(0, 300), Span(1320, 1440))
    assert days["2026-10-25"] == (Span(0, 300),)


def test_hours_are_those_of_the_clock_also_when_it_changes() -> None:
    days = picture(
        WindowRecord("w", "W", "Europe/Berlin", (1, 2, 3, 4, 5, 6, 7), 480, 1080)
    )
    assert set(days.values()) == {(Span(480, 1080),)}


def test_a_window_without_pause_is_open_all_day() -> None:
    record = WindowRecord("w", "W", "Europe/Berlin", (1, 2, 3, 4, 5, 6, 7), 0, 1440)
    assert set(picture(record).values()) == {(Span(0, 1440),)}


def test_the_map_is_small_and_marks_countries() -> None:
    drawn = world_map({"DE", "FR"}, Fence(52_520_000, 13_405_000, 60_000))
    assert {dot.country for dot in drawn.marked} == {"DE", "FR"}
    assert drawn.center == (386.8, 63.0)
    assert len(repr(drawn)) < 60_000
    assert country_names()["DE"] == "Germany"


def test_every_country_has_a_name_and_nearly_every_one_a_dot() -> None:
    assert set(country_names()) >= COUNTRIES
    drawn = world_map(COUNTRIES, None)
    assert len({dot.country for dot in drawn.marked}) > 240


@pytest.mark.parametrize(
    ("fence", "parts"),
    [
        (Fence(52_520_000, 13_405_000, 60_000), 1),
        # Across the date line it is drawn on both edges.
        (Fence(-17_700_000, 179_900_000, 500_000), 2),
        (Fence(85_000_000, 0, 2_000_000), 1),
        (Fence(-85_000_000, 0, 4_000_000), 1),
        # All but the far side: the whole map, with a hole.
        (Fence(0, 0, 15_000_000), 3),
    ],
)
def test_a_circle_is_drawn_wherever_it_lies(fence: Fence, parts: int) -> None:
    path = world_map((), fence).circle
    assert path.count("M") == parts
    assert path.count("Z") == parts
    assert "nan" not in path
