"""When a release is due, and how it is named."""

from __future__ import annotations

import datetime as dt

import pytest

from apps.bundles.rules import Due, Newest, due, etag, rfc3339

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


@pytest.mark.parametrize(
    ("newest", "expected"),
    [
        (None, Due.BUILD),
        (Newest(3, A, is_signed=True), Due.NOTHING),
        (Newest(3, A, is_signed=False), Due.SIGN),
        (Newest(3, B, is_signed=True), Due.BUILD),
        (Newest(3, B, is_signed=False), Due.BUILD),
    ],
)
def test_a_release_is_due_when_the_newest_does_not_carry_the_live_state(
    newest: Newest | None, expected: Due
) -> None:
    assert due(newest, A) is expected


def test_the_entity_tag_is_strong_and_names_state_and_revision() -> None:
    assert etag(A, 7) == f'"{A}.7"'


def test_a_moment_is_written_in_utc_to_the_second() -> None:
    zone = dt.timezone(dt.timedelta(hours=2))
    moment = dt.datetime(2026, 11, 21, 6, 50, 1, 999, tzinfo=zone)
    assert rfc3339(moment) == "2026-11-21T04:50:01Z"
