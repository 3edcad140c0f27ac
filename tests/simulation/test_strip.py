"""A strip says of every minute what deciding in that minute would."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.simulation.rules.strip import Strip, strip
from engine.calendar import window_condition
from engine.decide import PolicyEngine, Request
from protocol.records import Record, WindowRecord
from protocol.zones import zone_transitions
from tests.engine.builders import ALICE, NOON, WEB, assignment, policy, role
from tests.engine.worlds import OPERATORS, contexts, worlds

DAY = dt.timedelta(days=1)
# Both changes of the clocks of Berlin lie within 400 days.
ZONES = {
    name: zone_transitions(name, 1_774_000_000)
    for name in ("Europe/Berlin", "Asia/Kolkata")
}
SPRING = dt.datetime(2026, 3, 28, 12, tzinfo=dt.UTC)
AUTUMN = dt.datetime(2026, 10, 24, 12, tzinfo=dt.UTC)


def strip_of(
    records: list[Record],
    start: dt.datetime,
    length: dt.timedelta = DAY,
    **context: Any,
) -> Strip:
    engine = PolicyEngine.from_records(records, ZONES)
    asked = Request(ALICE, "restart", WEB, start, context)
    return strip(engine, asked, start=start, end=start + length)


windows = st.builds(
    WindowRecord,
    st.just("w"),
    st.just("W"),
    zone=st.sampled_from(sorted(ZONES)),
    weekdays=st.sampled_from([(1, 2, 3, 4, 5, 6, 7), (6, 7), (7,), (1,)]),
    start_minute=st.integers(0, 1439),
    end_minute=st.integers(1, 1440),
    opens_at=st.sampled_from([None, "2026-03-29T00:17:00Z"]),
    closes_at=st.sampled_from([None, "2026-10-25T01:23:00Z"]),
)


@settings(max_examples=30, deadline=None)
@given(
    worlds(),
    st.lists(windows, max_size=2),
    st.sampled_from([SPRING, AUTUMN, NOON - DAY / 2]),
    st.sampled_from(["permit", "forbid"]),
    contexts,
)
def test_a_strip_says_of_every_minute_what_deciding_then_would(
    records: list[Record],
    timed: list[WindowRecord],
    start: dt.datetime,
    effect: str,
    context: dict[str, Any],
) -> None:
    records = [
        *records,
        *(
            policy(f"w{n}", effect=effect if n else "permit", when=(text,))
            for n, text in enumerate(map(window_condition, timed))
        ),
    ]
    engine = PolicyEngine.from_records(records, ZONES)
    found = strip_of(records, start, **context)
    verdicts = {}
    for stretch in found.stretches:
        moment = stretch.start
        while moment < stretch.end:
            verdicts[moment.replace(second=0)] = stretch.allowed
            moment += dt.timedelta(minutes=1)

    for minute in range(0, 24 * 60, 7):
        moment = start + dt.timedelta(minutes=minute)
        asked = Request(ALICE, "restart", WEB, moment, context)
        assert verdicts[moment] == engine.decide(asked).allowed, moment


def test_a_stretch_ends_where_the_next_begins_and_differs_from_it() -> None:
    hours = WindowRecord("w", "W", "Europe/Berlin", (1, 2, 3, 4, 5), 480, 1080)
    start = dt.datetime(2026, 11, 16, tzinfo=dt.UTC)

    found = strip_of([policy("p", when=(window_condition(hours),))], start, 7 * DAY)

    assert found.stretches[0].start == start
    assert found.stretches[-1].end == start + 7 * DAY
    assert [s.allowed for s in found.stretches] == [False, True] * 5 + [False]
    assert found.stretches[1].start == dt.datetime(2026, 11, 16, 7, tzinfo=dt.UTC)
    for one, other in zip(found.stretches, found.turns, strict=False):
        assert one.end == other.start


def test_the_end_of_an_assignment_is_met_to_the_second() -> None:
    records = [
        policy("p", principal=OPERATORS),
        role("operator"),
        assignment("a", "operator", end="2026-11-20T15:00:07Z"),
    ]

    found = strip_of(records, NOON)

    assert found.turns[0].start == dt.datetime(2026, 11, 20, 15, 0, 7, tzinfo=dt.UTC)


def test_a_text_that_uses_the_clock_otherwise_is_decided_every_minute() -> None:
    odd = 'context.t["Europe/Berlin"].min * 2 > 1600'

    found = strip_of([policy("p", when=(odd,))], NOON, dt.timedelta(hours=2))

    assert found.decided >= 120
    (turn,) = found.turns
    assert turn.start == dt.datetime(2026, 11, 20, 12, 21, tzinfo=dt.UTC)


def test_a_condition_that_ends_in_an_error_denies() -> None:
    found = strip_of([policy("p", when=("context.risk > 1",))], NOON)

    (only,) = found.stretches
    assert (only.allowed, only.decision.reason) == (False, "evaluation_error")
