"""The table of buckets, against the addresses it guards and the page that shows it."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from apps.limits import checks
from apps.limits.rules import GUARDS, Guard, body_limit, guard_of
from apps.limits.rules.table import BODY_LIMIT, SMALL_BODY_LIMIT
from tests.walk.routes import routes
from tests.walk.table import PUBLIC

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security" / "rate-limits.md"
NAMES = [route.name for route in routes()]
SPACES = {name.partition(":")[0] for name in NAMES}
PATTERNS = [
    pattern
    for guard in GUARDS
    for pattern in guard.routes
    if pattern.partition(":")[0] in SPACES
]
# Public pages that read nothing, or that only those who signed in can use.
UNGUARDED = {"admin:jsi18n", "admin:logout", "api:none", "favicon", "healthz", "home"}


def row(guard: Guard) -> str:
    bucket = guard.bucket
    rate = f"{bucket.rate_per_second:g}"
    if bucket.rate_per_second < 1 and 1 / bucket.rate_per_second != 1:
        rate = f"1 per {round(1 / bucket.rate_per_second)} s"
    return (
        f"| `{bucket.name}` | {rate} | {bucket.burst} | {guard.counted_by} "
        f"| {guard.purpose} |"
    )


def test_the_page_shows_the_table_of_the_code() -> None:
    shown = re.findall(
        r"^\| `[a-z-]+` \|.* \|.* \|.* \|.* \|$", PAGE.read_text(), re.MULTILINE
    )
    assert shown == [row(guard) for guard in GUARDS]


def test_the_page_names_every_check() -> None:
    rules = [rule.id for rule in (*checks._ALWAYS, *checks._DEPLOYED)]
    assert (
        re.findall(r"^\| `(portward\.[EW]\d+)` \|", PAGE.read_text(), re.MULTILINE)
        == rules
    )


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_guarded_route_exists(pattern: str) -> None:
    assert any(fnmatchcase(name, pattern) for name in NAMES)


def test_every_page_that_takes_something_from_strangers_has_a_bucket() -> None:
    assert {name for name in PUBLIC if not guard_of(name)} <= UNGUARDED


def test_what_strangers_send_is_small() -> None:
    assert body_limit(guard_of("signin:login_verify")) == SMALL_BODY_LIMIT
    assert body_limit(guard_of("admin:policies_policy_add")) == BODY_LIMIT
    assert body_limit("") == BODY_LIMIT
