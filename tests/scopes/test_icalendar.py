"""iCalendar files: what is read, what is left out, and what is refused."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.errors import InvalidError
from apps.scopes.rules.icalendar import Found, read_calendar


def file(*events: str, ending: str = "\r\n") -> str:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0"]
    for event in events:
        lines += ["BEGIN:VEVENT", *event.splitlines(), "END:VEVENT"]
    return ending.join([*lines, "END:VCALENDAR", ""])


def read(*events: str, years: tuple[int, int] = (2026, 2027)) -> Found:
    return read_calendar(file(*events), first_year=years[0], last_year=years[1])


def dates(found: Found) -> list[str]:
    return [day.date.isoformat() for day in found.days]


CHRISTMAS = "DTSTART;VALUE=DATE:20261225\nSUMMARY:Christmas Day"


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
def test_a_date_with_a_name_is_read_whatever_ends_its_lines(ending: str) -> None:
    text = file(CHRISTMAS, ending=ending)
    (day,) = read_calendar(text, first_year=2026, last_year=2026).days
    assert (day.date, day.name) == (dt.date(2026, 12, 25), "Christmas Day")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("DTSTART:20261224T140000\nDTEND:20261224T180000", ["2026-12-24"]),
        ("DTSTART:20261224T140000\nDTEND:20261225T000000", ["2026-12-24"]),
        (
            "DTSTART;TZID=Europe/Berlin:20261224T220000\nDTEND:20261225T020000",
            ["2026-12-24", "2026-12-25"],
        ),
        ("DTSTART:20261224T230000Z", ["2026-12-24"]),
        (
            "DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261227",
            ["2026-12-25", "2026-12-26"],
        ),
        ("DTSTART;VALUE=DATE:20261225\nDURATION:P2D", ["2026-12-25", "2026-12-26"]),
        ("DTSTART:20261225T000000\nDURATION:PT36H", ["2026-12-25", "2026-12-26"]),
        (
            "DTSTART;VALUE=DATE:20201225\nRRULE:FREQ=YEARLY",
            ["2026-12-25", "2027-12-25"],
        ),
        (
            "DTSTART;VALUE=DATE:20201126\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
            ["2026-11-26", "2027-11-25"],
        ),
        (
            "DTSTART;VALUE=DATE:20200525\nRRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO",
            ["2026-05-25", "2027-05-31"],
        ),
        ("DTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY", []),
        (
            "DTSTART;VALUE=DATE:20241225\nRRULE:FREQ=YEARLY;COUNT=3",
            ["2026-12-25"],
        ),
        (
            "DTSTART;VALUE=DATE:20241225\nRRULE:FREQ=YEARLY;UNTIL=20270101",
            ["2026-12-25"],
        ),
        (
            "DTSTART;VALUE=DATE:20251225\nRRULE:FREQ=YEARLY;INTERVAL=2",
            ["2027-12-25"],
        ),
        (
            (
                "DTSTART;VALUE=DATE:20201225\nRRULE:FREQ=YEARLY\n"
                "EXDATE;VALUE=DATE:20261225\nRDATE;VALUE=DATE:20260106"
            ),
            ["2026-01-06", "2027-12-25"],
        ),
        ("DTSTART;VALUE=DATE:20261225\nSTATUS:CANCELLED", []),
        ("DTSTART;VALUE=DATE:20301225", []),
        (
            "BEGIN:VALARM\nTRIGGER:-PT15M\nEND:VALARM\nDTSTART:20261225T080000",
            ["2026-12-25"],
        ),
    ],
)
def test_an_event_counts_on_every_date_it_touches(
    event: str, expected: list[str]
) -> None:
    found = read(event)
    assert dates(found) == expected
    assert found.left_out == ()


def test_folded_and_escaped_names_are_read() -> None:
    found = read(
        "DTSTART;VALUE=DATE:20261225\nSUMMARY:Day\\, of\\n a very\n  long name"
    )
    assert found.days[0].name == "Day, of a very long name"


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("SUMMARY:Nothing", "no DTSTART"),
        ("DTSTART:20260230", "not a date"),
        ("DTSTART:soon", "not a date"),
        ("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=WEEKLY", "not every year"),
        ("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY;BYWEEKNO=1", "BYWEEKNO"),
        ("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY;BYDAY=MO", "BYMONTH alone"),
        (
            "DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=YEARLY;BYMONTH=13",
            "out of range",
        ),
        ("DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261201", "before it starts"),
        ("DTSTART;VALUE=DATE:20260101\nDTEND;VALUE=DATE:20261231", "longer than"),
        ("DTSTART;VALUE=DATE:20261225\nDURATION:forever", "not a duration"),
    ],
)
def test_an_event_that_is_not_understood_is_left_out_and_named(
    event: str, words: str
) -> None:
    found = read(event, CHRISTMAS)
    assert dates(found) == ["2026-12-25"]
    (reason,) = found.left_out
    assert reason.startswith("Line 3:")
    assert words in reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no event"),
        ("hello", "Line 1 is not a line"),
        ("DTSTART:20261225", "out of place"),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR", "no event"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR", "out of place"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VEVENT", "too early"),
        ("BEGIN:VEVENT\nEND:VEVENT", "out of place"),
        ("BEGIN:VCALENDAR\n" + "BEGIN:X\n" * 9, "out of place"),
        (file(*["X:1"] * 2001), "2000 events"),
        ("A:1\n" * 20_001, "20000 lines"),
        ("BEGIN:VCALENDAR\nX:" + "a" * 5000, "too long"),
        ("BEGIN:VCALENDAR\nX:a\n" + " aaaa\n" * 2000, "too long"),
        ("x" * (512 * 1024 + 1), "larger than"),
    ],
)
def test_what_is_no_calendar_or_too_large_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidError, match=words) as refusal:
        read_calendar(text, first_year=2026, last_year=2027)
    assert refusal.value.code == "scopes.calendar_file"


def test_years_are_limited() -> None:
    for last in (2025, 2046):
        with pytest.raises(InvalidError):
            read_calendar(file(CHRISTMAS), first_year=2026, last_year=last)


def test_of_many_events_that_are_left_out_some_are_named() -> None:
    found = read(*["SUMMARY:x"] * 30)
    assert len(found.left_out) == 13
    assert found.left_out[-1] == "And 18 more events."


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *("BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VEVENT", "END:VEVENT"),
                *("DTSTART:20261225", "DTEND:20261226", "RRULE:FREQ=YEARLY", " x"),
                *("RRULE:FREQ=YEARLY;COUNT=99999", "EXDATE:20261225,", "SUMMARY:\\"),
                *("DURATION:P1W", 'X;A="b;c":d', "", ":", "DTSTART"),
            ]
        )
        | st.text(max_size=30),
        max_size=20,
    )
)
def test_any_text_is_read_or_refused(lines: list[str]) -> None:
    try:
        found = read_calendar("\n".join(lines), first_year=2026, last_year=2030)
    except InvalidError:
        return
    assert all(2026 <= day.date.year <= 2030 for day in found.days)
