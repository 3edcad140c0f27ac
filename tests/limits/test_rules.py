"""The token bucket, whose address counts, and the table of buckets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.limits import rules
from apps.limits.errors import (
    AddressUnknownError,
    ForwardedInvalidError,
    ForwardedUntrustedError,
    RateLimitsInvalidError,
)
from apps.limits.rules import Bucket, Level

SECOND = 1_000_000
BUCKET = Bucket("test", rate_per_second=2, burst=3)


def take(full_at: int, now: int, cost: int = 1) -> Level:
    return rules.judge(BUCKET, full_at=full_at, now=now, cost=cost)


def test_a_full_bucket_gives_its_burst_and_no_more() -> None:
    level = Level(0, 0, is_allowed=True)
    outcomes = []
    for _ in range(4):
        level = take(level.full_at, now=100)
        outcomes.append(level.is_allowed)
    assert outcomes == [True, True, True, False]


def test_a_refusal_takes_nothing() -> None:
    empty = 100 + 3 * SECOND // 2
    assert take(empty, now=100) == Level(empty, 100, is_allowed=False)


def test_an_empty_bucket_says_when_to_come_back_and_then_gives() -> None:
    empty = 3 * SECOND // 2
    refused = rules.verdict(BUCKET, take(empty, now=0))
    assert (refused.remaining, refused.retry_after, refused.reset_seconds) == (0, 1, 2)
    assert take(empty, now=SECOND // 2).is_allowed
    assert not take(empty, now=SECOND // 2 - 1).is_allowed


def test_a_bucket_that_rested_long_is_full_and_not_fuller() -> None:
    level = take(0, now=10_000 * SECOND)
    assert rules.verdict(BUCKET, level).remaining == 2


def test_a_dear_request_takes_as_much_as_it_costs() -> None:
    assert rules.verdict(BUCKET, take(0, now=0, cost=3), cost=3).remaining == 0
    assert not take(take(0, now=0).full_at, now=0, cost=3).is_allowed


@given(
    rate=st.sampled_from([0.5, 1, 2, 10, 1000]),
    burst=st.integers(1, 50),
    pauses=st.lists(st.integers(0, 3 * SECOND), max_size=60),
)
def test_it_decides_like_a_bucket_whose_tokens_are_counted(
    rate: float, burst: int, pauses: list[int]
) -> None:
    bucket = Bucket("any", rate, burst)
    now, full_at, tokens = 0, 0, burst * bucket.interval
    for pause in pauses:
        now += pause
        tokens = min(burst * bucket.interval, tokens + pause)
        level = rules.judge(bucket, full_at=full_at, now=now)
        assert level.is_allowed == (tokens >= bucket.interval)
        tokens -= bucket.interval if level.is_allowed else 0
        full_at = level.full_at
        assert rules.verdict(bucket, level).remaining == tokens // bucket.interval


def test_without_a_proxy_the_connection_says_who_it_is() -> None:
    assert rules.client_address("192.0.2.7", None, 0) == "192.0.2.7"


def test_without_a_proxy_a_forwarded_address_is_refused() -> None:
    with pytest.raises(ForwardedUntrustedError, match="no proxy") as refused:
        rules.client_address("192.0.2.7", "198.51.100.1", 0)
    assert "PORTWARD_TRUSTED_PROXIES" in refused.value.remedy


@pytest.mark.parametrize(
    ("depth", "expected"), [(1, "203.0.113.3"), (2, "203.0.113.2"), (3, "203.0.113.1")]
)
def test_the_entry_of_the_outermost_trusted_proxy_counts(
    depth: int, expected: str
) -> None:
    chain = "203.0.113.1, 203.0.113.2,203.0.113.3"
    assert rules.client_address("10.0.0.1", chain, depth) == expected


def test_what_the_client_wrote_before_the_proxies_is_not_read() -> None:
    assert rules.client_address("10.0.0.1", "forged, 203.0.113.9", 1) == "203.0.113.9"


@pytest.mark.parametrize(
    "chain",
    [
        None,
        "",
        "203.0.113.9",
        "nobody, 203.0.113.9",
        "203.0.113.9, unknown",
        "203.0.113.8, 203.0.113.9:80",
        "203.0.113.8, fe80::1%eth0",
        "203.0.113.8,,",
    ],
)
def test_a_chain_that_is_short_or_malformed_is_refused(chain: str | None) -> None:
    with pytest.raises(ForwardedInvalidError):
        rules.client_address("10.0.0.1", chain, 2)


def test_a_connection_without_an_address_is_refused() -> None:
    with pytest.raises(AddressUnknownError):
        rules.client_address("", None, 0)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:DB8:0:0::7", "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_address_has_one_form(written: str, normal: str) -> None:
    assert rules.client_address(written, None, 0) == normal


def test_one_ipv6_network_is_one_client() -> None:
    assert rules.client_key("2001:db8::1") == rules.client_key("2001:db8::2:3")
    assert rules.client_key("2001:db8::1") != rules.client_key("2001:db8:0:1::1")
    assert rules.client_key("192.0.2.7") != rules.client_key("192.0.2.8")


def test_refusals_are_counted_for_networks() -> None:
    assert rules.prefix("192.0.2.7") == "192.0.2.0/24"
    assert rules.prefix("2001:db8:1:2::7") == "2001:db8:1::/48"


def test_an_override_changes_one_bucket_only() -> None:
    changed = rules.buckets({"tokens": "0.5/7"})
    assert changed["tokens"] == Bucket("tokens", 0.5, 7)
    assert {**changed, "tokens": None} == {**rules.buckets({}), "tokens": None}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nothing", "1/1"),
        ("tokens", "1"),
        ("tokens", "0/1"),
        ("tokens", "1/0"),
        ("tokens", "-1/5"),
        ("tokens", "1/5/5"),
        ("tokens", "fast"),
    ],
)
def test_an_override_that_is_no_limit_is_refused(name: str, text: str) -> None:
    with pytest.raises(RateLimitsInvalidError) as refused:
        rules.buckets({name: text})
    assert refused.value.field == name


@pytest.mark.parametrize(
    ("route", "guard"),
    [
        ("admin:login", "sign-in"),
        ("signin:login_verify", "sign-in"),
        ("signin:enroll", "enrollment"),
        ("clients:token", "tokens"),
        ("api:bundle", "bundle"),
        ("api:roles", ""),
        ("", ""),
    ],
)
def test_a_route_finds_its_bucket_by_its_name(route: str, guard: str) -> None:
    assert rules.guard_of(route) == guard


def test_every_bucket_has_a_name_of_its_own() -> None:
    names = [guard.bucket.name for guard in rules.GUARDS]
    assert len(names) == len(set(names))
