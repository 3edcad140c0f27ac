"""When a session is over, and what it lacks."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from apps.signin.choices import EndReason, Method
from apps.signin.rules.levels import factors_of
from apps.signin.rules.sessions import (
    SessionState,
    device_label,
    elevated_until,
    end_of,
    fingerprint,
    has_answered_risk,
    is_elevated,
    must_prove,
)

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
GOOD = SessionState(
    started_at=NOW - dt.timedelta(hours=1),
    last_seen_at=NOW - dt.timedelta(minutes=1),
    expires_at=NOW + dt.timedelta(hours=7),
    ended_at=None,
    end_reason="",
    factors=factors_of([Method.PASSKEY], at=int(NOW.timestamp())),
    must_prove_since=None,
)
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/{}.0.0.0 Safari/537.36"
)


def test_a_session_in_use_lives() -> None:
    assert end_of(GOOD, now=NOW) is None
    assert not must_prove(GOOD)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"last_seen_at": NOW - dt.timedelta(minutes=30)}, EndReason.IDLE),
        ({"started_at": NOW - dt.timedelta(hours=8)}, EndReason.TOO_OLD),
        ({"expires_at": NOW}, EndReason.TOO_OLD),
        ({"ended_at": NOW, "end_reason": "killed"}, EndReason.KILLED),
        ({"ended_at": NOW, "end_reason": ""}, EndReason.KILLED),
    ],
    ids=["idle", "absolute", "limited", "killed", "killed-unsaid"],
)
def test_a_session_ends(change: dict[str, object], reason: EndReason) -> None:
    assert end_of(replace(GOOD, **change), now=NOW) is reason  # type: ignore[arg-type]


def test_a_second_before_its_limits_a_session_lives() -> None:
    close = replace(
        GOOD,
        last_seen_at=NOW - dt.timedelta(minutes=30) + SECOND,
        started_at=NOW - dt.timedelta(hours=8) + SECOND,
        expires_at=NOW + SECOND,
    )
    assert end_of(close, now=NOW) is None


def test_one_factor_is_not_enough_for_the_console() -> None:
    single = factors_of([Method.FEDERATED], at=int(NOW.timestamp()))
    assert must_prove(replace(GOOD, factors=single))


def test_a_mark_holds_until_it_is_taken_away_however_fresh_the_proofs() -> None:
    assert must_prove(replace(GOOD, must_prove_since=NOW - dt.timedelta(hours=1)))


def test_elevation_ends_by_idleness_and_absolutely() -> None:
    began = replace(GOOD, elevated_at=NOW, elevated_seen_at=NOW)
    assert is_elevated(began, now=NOW + dt.timedelta(minutes=30) - SECOND)
    assert not is_elevated(began, now=NOW + dt.timedelta(minutes=30))
    used = replace(began, elevated_seen_at=NOW + dt.timedelta(hours=3, minutes=50))
    assert elevated_until(used, now=NOW + dt.timedelta(hours=3, minutes=51)) == (
        NOW + dt.timedelta(hours=4)
    )
    assert not is_elevated(used, now=NOW + dt.timedelta(hours=4))
    assert not is_elevated(GOOD, now=NOW)
    assert elevated_until(GOOD, now=NOW) is None


def test_a_risk_is_answered_by_a_later_passkey_only() -> None:
    key = factors_of([Method.PASSKEY], at=int(NOW.timestamp()))
    code = factors_of([Method.PASSWORD, Method.TOTP], at=int(NOW.timestamp()))
    later = NOW + dt.timedelta(minutes=1)
    assert has_answered_risk(key, risk=50, limit=40, judged_at=NOW)
    assert not has_answered_risk(code, risk=50, limit=40, judged_at=NOW)
    assert not has_answered_risk(key, risk=40, limit=40, judged_at=later)
    assert has_answered_risk(key, risk=39, limit=40, judged_at=later)


def test_an_update_of_the_browser_is_no_change_of_device() -> None:
    old = {"User-Agent": AGENT.format(155)}
    assert fingerprint(old) == fingerprint({"User-Agent": AGENT.format(156)})
    hints = {"Sec-CH-UA": '"Chromium";v="155", "Not?A_Brand";v="8"'}
    newer = {"Sec-CH-UA": '"Not.A/Brand";v="24", "Chromium";v="156"'}
    assert fingerprint(hints) == fingerprint(newer)


@pytest.mark.parametrize(
    "other",
    [
        {"Sec-CH-UA": '"Firefox";v="155"', "Sec-CH-UA-Platform": '"Linux"'},
        {"Sec-CH-UA": '"Chromium";v="155"', "Sec-CH-UA-Platform": '"Windows"'},
        {"User-Agent": AGENT.format(155), "Sec-CH-UA-Platform": '"Linux"'},
    ],
    ids=["browser", "platform", "no-hints"],
)
def test_another_browser_is_another_device(other: dict[str, str]) -> None:
    mine = {"Sec-CH-UA": '"Chromium";v="155"', "Sec-CH-UA-Platform": '"Linux"'}
    assert fingerprint(mine) != fingerprint(other)


@pytest.mark.parametrize(
    ("agent", "label"),
    [
        (AGENT.format(155), "Chrome on Linux"),
        ("Mozilla/5.0 (iPhone; ...) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("", "A browser"),
    ],
    ids=["chrome", "iphone", "nothing"],
)
def test_a_device_has_a_name_its_owner_knows(agent: str, label: str) -> None:
    assert device_label({"User-Agent": agent}) == label
