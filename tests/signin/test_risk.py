"""What makes a sign-in unusual, and by how much."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.signin.rules.risk import (
    HIGH_FROM,
    MEDIUM_FROM,
    REASONS,
    RiskFacts,
    Sighting,
    assess,
    distance_km,
    network_of,
)

# A Wednesday, ten in the morning.
NOW = dt.datetime(2026, 11, 18, 10, 0, tzinfo=dt.UTC)
BERLIN = (52.52, 13.405)
POTSDAM = (52.39, 13.06)
NEW_YORK = (40.71, -74.01)
WEEK = dt.timedelta(days=7)
HOUR = dt.timedelta(hours=1)


def seen(at: dt.datetime = NOW - WEEK, place: tuple[float, float] = BERLIN) -> Sighting:
    return Sighting(at, "198.51.100.0/24", "DE", *place, device="laptop")


USUAL = RiskFacts(
    now=NOW,
    device="laptop",
    is_device_known=True,
    network="198.51.100.0/24",
    country="DE",
    latitude=BERLIN[0],
    longitude=BERLIN[1],
    failures=0,
    earlier=tuple(seen(NOW - WEEK * n) for n in range(1, 31)),
)


def codes(facts: RiskFacts) -> list[str]:
    return [reason.code for reason in assess(facts).reasons]


def test_a_sign_in_like_all_others_scores_nothing() -> None:
    score = assess(USUAL)

    assert score.score == 0
    assert score.reasons == ()
    assert score.level == "low"


def test_the_first_sign_in_ever_has_one_reason_only() -> None:
    facts = replace(USUAL, is_device_known=False, earlier=())

    assert codes(facts) == ["no_history"]
    assert assess(facts).level == "low"


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (replace(USUAL, is_device_known=False, device=""), "new_device"),
        (replace(USUAL, network="203.0.113.0/24"), "new_network"),
        (replace(USUAL, country="FR"), "new_country"),
        (replace(USUAL, earlier=[seen(NOW - HOUR, NEW_YORK)]), "impossible_travel"),
        (replace(USUAL, now=NOW + 12 * HOUR), "unusual_hour"),
        (replace(USUAL, failures=3), "failures_some"),
        (replace(USUAL, failures=5), "failures_several"),
        (replace(USUAL, failures=10), "failures_many"),
    ],
)
def test_each_unusual_thing_adds_its_own_points(facts: RiskFacts, code: str) -> None:
    score = assess(facts)

    assert score.reasons == (REASONS[code],)
    assert score.score == REASONS[code].points


def test_two_refused_sign_ins_are_a_slip_of_the_fingers() -> None:
    assert codes(replace(USUAL, failures=2)) == []


def test_an_unknown_network_or_place_is_not_a_new_one() -> None:
    facts = replace(USUAL, network="", country="", latitude=None, longitude=None)

    assert codes(facts) == []


def test_no_country_is_new_where_none_was_ever_known() -> None:
    earlier = [replace(one, country="") for one in USUAL.earlier]

    assert codes(replace(USUAL, earlier=earlier)) == []


def test_a_trip_at_the_speed_of_a_plane_is_possible() -> None:
    hours = distance_km(NEW_YORK, BERLIN) / 900
    just_enough = dt.timedelta(hours=hours + 0.01)
    too_short = dt.timedelta(hours=hours - 0.01)

    def after(time: dt.timedelta) -> list[str]:
        return codes(replace(USUAL, earlier=[seen(NOW - time, NEW_YORK)]))

    assert after(just_enough) == []
    assert after(too_short) == ["impossible_travel"]


def test_two_places_nearby_at_once_are_an_imprecise_database() -> None:
    assert distance_km(BERLIN, POTSDAM) < 100
    assert codes(replace(USUAL, earlier=[seen(NOW, POTSDAM)])) == []


def test_two_places_far_apart_at_once_are_impossible() -> None:
    assert codes(replace(USUAL, earlier=[seen(NOW, NEW_YORK)])) == ["impossible_travel"]


def test_who_came_in_once_from_far_away_stays_far_away() -> None:
    intruder = seen(NOW - dt.timedelta(minutes=10), NEW_YORK)
    owner = seen(NOW - dt.timedelta(minutes=30), BERLIN)
    facts = replace(
        USUAL, latitude=NEW_YORK[0], longitude=NEW_YORK[1], earlier=[intruder, owner]
    )

    assert codes(facts) == ["impossible_travel"]


def test_hours_say_nothing_before_there_is_a_history() -> None:
    late = NOW + 12 * HOUR

    assert codes(replace(USUAL, now=late, earlier=USUAL.earlier[:19])) == []
    assert codes(replace(USUAL, now=late, earlier=USUAL.earlier[:20])) == [
        "unusual_hour"
    ]


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(-3, ["unusual_hour"]), (-2, []), (2, []), (3, ["unusual_hour"])],
)
def test_two_hours_before_and_after_are_the_same_hour(
    hours: int, expected: list[str]
) -> None:
    assert codes(replace(USUAL, now=NOW + hours * HOUR)) == expected


def test_sunday_night_is_near_monday_morning() -> None:
    sunday = dt.datetime(2026, 11, 15, 23, 30, tzinfo=dt.UTC)
    monday = dt.datetime(2026, 11, 16, 1, 0, tzinfo=dt.UTC)
    earlier = [seen(sunday - WEEK * n) for n in range(20)]

    assert codes(replace(USUAL, now=monday, earlier=earlier)) == []


def test_the_hour_does_not_depend_on_the_zone_a_time_is_written_in() -> None:
    zone = dt.timezone(dt.timedelta(hours=9))

    assert codes(replace(USUAL, now=NOW.astimezone(zone))) == []


def test_all_at_once_is_capped_and_high() -> None:
    score = assess(
        replace(
            USUAL,
            is_device_known=False,
            network="203.0.113.0/24",
            country="US",
            failures=50,
            earlier=[seen(NOW - HOUR, NEW_YORK)],
        )
    )

    assert score.score == 100
    assert score.level == "high"


def test_a_known_device_is_never_blocked_without_refused_sign_ins() -> None:
    late = NOW + 12 * HOUR
    score = assess(
        replace(
            USUAL,
            now=late,
            network="203.0.113.0/24",
            country="US",
            earlier=[*USUAL.earlier, seen(late - 6 * HOUR, NEW_YORK)],
        )
    )

    # Everything that may be unusual about a known device.
    assert [reason.code for reason in score.reasons] == [
        *("new_network", "new_country", "impossible_travel", "unusual_hour"),
    ]
    assert score.level == "medium"


def test_strangers_who_guess_passwords_alone_cost_no_step_up() -> None:
    assert assess(replace(USUAL, failures=10_000)).score < MEDIUM_FROM


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        (" 203.0.113.77 ", "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("2001:DB8:1:ffff::1", "2001:db8:1::/48"),
        ("", ""),
        ("unix:", ""),
        ("fe80::1%eth0", ""),
    ],
)
def test_a_network_is_what_an_address_shares_with_its_neighbors(
    address: str, network: str
) -> None:
    assert network_of(address) == network


def test_distances_are_those_of_an_atlas() -> None:
    assert distance_km(BERLIN, NEW_YORK) == pytest.approx(6385, rel=0.01)
    assert distance_km((0, 0), (0, 180)) == pytest.approx(20015, rel=0.01)
    assert distance_km(BERLIN, BERLIN) == 0


def test_the_handbook_lists_every_reason_with_its_points_and_words() -> None:
    page = Path(__file__).parents[2] / "docs" / "security" / "risk.md"
    row = re.compile(r"^\| `(\w+)` \| (\d+) \| (.+) \|$", re.MULTILINE)

    assert row.findall(page.read_text(encoding="utf-8")) == [
        (reason.code, str(reason.points), reason.sentence)
        for reason in REASONS.values()
    ]


MOMENTS = st.datetimes(
    dt.datetime(2026, 1, 1),  # noqa: DTZ001  # Hypothesis wants them without zone
    dt.datetime(2026, 12, 31),  # noqa: DTZ001
    timezones=st.just(dt.UTC),
)
NETWORKS = st.sampled_from(["", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/48"])
COUNTRIES = st.sampled_from(["", "DE", "FR", "US"])
LATITUDES = st.none() | st.floats(-90, 90)
LONGITUDES = st.none() | st.floats(-180, 180)
SIGHTINGS = st.builds(
    Sighting, MOMENTS, NETWORKS, COUNTRIES, LATITUDES, LONGITUDES, st.just("")
)
FACTS = st.builds(
    RiskFacts,
    now=MOMENTS,
    device=st.just(""),
    is_device_known=st.booleans(),
    network=NETWORKS,
    country=COUNTRIES,
    latitude=LATITUDES,
    longitude=LONGITUDES,
    failures=st.integers(0, 100),
    earlier=st.lists(SIGHTINGS, max_size=30).map(tuple),
)


@given(FACTS)
def test_a_score_is_a_share_and_the_sum_of_its_reasons(facts: RiskFacts) -> None:
    score = assess(facts)

    assert 0 <= score.score <= 100
    assert score.score == min(100, sum(reason.points for reason in score.reasons))
    assert score == assess(facts)


@given(FACTS, st.integers(0, 100))
def test_more_failures_never_lower_a_score(facts: RiskFacts, more: int) -> None:
    worse = replace(facts, failures=facts.failures + more)

    assert assess(worse).score >= assess(facts).score


@given(FACTS, st.randoms(use_true_random=False))
def test_the_order_of_what_went_before_is_irrelevant(
    facts: RiskFacts, random: Random
) -> None:
    shuffled = list(facts.earlier)
    random.shuffle(shuffled)

    assert assess(replace(facts, earlier=shuffled)) == assess(facts)


@given(FACTS)
def test_no_known_device_is_high_unless_sign_ins_were_refused(facts: RiskFacts) -> None:
    assert assess(replace(facts, is_device_known=True, failures=2)).score < HIGH_FROM


@given(FACTS)
def test_a_known_device_never_raises_a_score(facts: RiskFacts) -> None:
    known = replace(facts, is_device_known=True)
    unknown = replace(facts, is_device_known=False)

    assert assess(known).score <= assess(unknown).score


@given(st.ip_addresses().map(str))
def test_the_network_of_a_network_is_itself(address: str) -> None:
    network = network_of(address)

    assert network_of(network.partition("/")[0]) == network
