"""Two people changed the same draft."""

from __future__ import annotations

from apps.policies.rules import Side, changed_by, merged, three_way

BASE = {"name": "A", "owner": "x", "windows": ["day"], "actions": ["read"]}
MINE = BASE | {"name": "B", "owner": "me"}
THEIRS = BASE | {"owner": "they", "windows": ["night"], "review_on": "2027-01-01"}


def test_every_field_that_differs_says_who_changed_it() -> None:
    found = {change.name: change for change in three_way(BASE, MINE, THEIRS)}
    assert set(found) == {"name", "owner", "windows", "review_on"}
    assert found["owner"].is_contested
    assert not found["name"].is_contested
    assert found["name"].suggested is Side.MINE
    assert found["windows"].suggested is Side.THEIRS
    assert (found["windows"].mine, found["windows"].theirs) == (("day",), ("night",))


def test_what_somebody_changed_is_named() -> None:
    assert changed_by(BASE, THEIRS) == ("owner", "windows", "review_on")


def test_taking_theirs_leaves_the_rest_mine() -> None:
    assert merged(MINE, THEIRS, ["windows", "review_on"]) == {
        **MINE,
        "windows": ["night"],
        "review_on": "2027-01-01",
    }


def test_taking_what_they_removed_removes_it() -> None:
    assert "review_on" not in merged(THEIRS, MINE, ["review_on"])


def test_empty_and_not_set_are_the_same() -> None:
    assert three_way({}, {"cedar": ""}, {}) == ()
