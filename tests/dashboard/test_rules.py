"""The chart places samples; percentiles are those of the nearest rank."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from apps.dashboard.rules import chart as rules

UNTIL = dt.datetime(2026, 11, 21, 6, 0, tzinfo=dt.UTC)
SINCE = UNTIL - dt.timedelta(minutes=30)


@given(st.lists(st.tuples(st.integers(0, 1800), st.floats(0, 1)), max_size=50))
def test_every_sample_lies_within_the_chart(samples: list[tuple[int, float]]) -> None:
    points = [rules.Point(SINCE + dt.timedelta(seconds=s), v) for s, v in samples]
    chart = rules.consistency_chart(points, since=SINCE, until=UNTIL)
    placed = [pair.split(",") for pair in chart.line.split()]
    assert len(placed) == len(samples)
    assert all(chart.left <= float(x) <= chart.width for x, _ in placed)
    assert all(rules.TOP <= float(y) <= chart.floor for _, y in placed)


def test_without_samples_nothing_is_drawn() -> None:
    chart = rules.consistency_chart([], since=SINCE, until=UNTIL)
    assert (chart.line, chart.area) == ("", "")


def test_a_percentile_is_the_value_of_the_nearest_rank() -> None:
    values = list(range(1, 101))
    assert rules.percentile(values, 0.5) == 50
    assert rules.percentile(values, 0.99) == 99
    assert rules.percentile([7], 0.99) == 7
    assert rules.percentile([], 0.5) is None


@given(st.lists(st.integers(0, 10**6), min_size=1), st.floats(0, 1))
def test_a_percentile_is_one_of_the_values(values: list[int], share: float) -> None:
    assert rules.percentile(values, share) in values
