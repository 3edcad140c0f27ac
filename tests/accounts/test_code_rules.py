"""One-time codes count once, for a short while, and not after many failures."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from django_otp import oath

from apps.accounts.rules import (
    CodeKind,
    CodeState,
    CodeVerdict,
    judge_code,
    new_recovery_code,
    provisioning_uri,
    recovery_hash,
)

SECRET = b"12345678901234567890"
NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
STEP = int(NOW.timestamp()) // 30
TOTP = CodeState(CodeKind.TOTP, 0)
HOTP = CodeState(CodeKind.HOTP, 5)


def code(value: int) -> str:
    number = int(oath.hotp(SECRET, value))  # type: ignore[no-untyped-call]  # no types
    return f"{number:06d}"


def judge(state: CodeState, text: str, now: dt.datetime = NOW) -> CodeVerdict:
    return judge_code(state, secret=SECRET, code=text, now=now)[0]


def test_the_vectors_of_the_rfc_hold() -> None:
    # RFC 4226, appendix D.
    vectors = ["755224", "287082", "359152", "969429", "338314", "254676"]
    for counter, text in enumerate(vectors):
        state = CodeState(CodeKind.HOTP, counter)
        assert judge(state, text) is CodeVerdict.ACCEPTED


@pytest.mark.parametrize(
    ("step", "verdict"),
    [
        (STEP - 2, CodeVerdict.WRONG),
        (STEP - 1, CodeVerdict.ACCEPTED),
        (STEP, CodeVerdict.ACCEPTED),
        (STEP + 1, CodeVerdict.ACCEPTED),
        (STEP + 2, CodeVerdict.WRONG),
    ],
    ids=["two-early", "one-early", "due", "one-late", "two-late"],
)
def test_a_totp_counts_one_step_either_way(step: int, verdict: CodeVerdict) -> None:
    assert judge(TOTP, code(step)) is verdict


def test_a_code_counts_once_and_so_does_nothing_before_it() -> None:
    verdict, after = judge_code(TOTP, secret=SECRET, code=code(STEP), now=NOW)
    assert verdict is CodeVerdict.ACCEPTED
    assert judge(after, code(STEP)) is CodeVerdict.REUSED
    assert judge(after, code(STEP - 1)) is CodeVerdict.REUSED
    assert judge(after, code(STEP + 1)) is CodeVerdict.ACCEPTED


def test_a_counter_may_be_ahead_and_never_goes_back() -> None:
    verdict, after = judge_code(HOTP, secret=SECRET, code=code(9), now=NOW)
    assert (verdict, after.next_value) == (CodeVerdict.ACCEPTED, 10)
    assert judge(after, code(9)) is CodeVerdict.REUSED
    assert judge(after, code(8)) is CodeVerdict.WRONG
    assert judge(HOTP, code(15)) is CodeVerdict.WRONG


@pytest.mark.parametrize(
    "text",
    ["", "12345", "1234567", "abcdef", "\uff11\uff12\uff13\uff14\uff15\uff16"],
    ids=range(5),
)
def test_what_is_no_code_is_wrong(text: str) -> None:
    assert judge(TOTP, text) is CodeVerdict.WRONG


def test_spaces_in_a_code_do_not_matter() -> None:
    text = code(STEP)
    assert judge(TOTP, f" {text[:3]} {text[3:]} ") is CodeVerdict.ACCEPTED


def test_after_five_failures_even_the_right_code_waits_five_minutes() -> None:
    state = TOTP
    for _ in range(5):
        verdict, state = judge_code(state, secret=SECRET, code="000000", now=NOW)
        assert verdict is CodeVerdict.WRONG
    assert judge(state, code(STEP)) is CodeVerdict.THROTTLED
    later = NOW + dt.timedelta(minutes=5)
    assert judge(state, code(STEP + 10), later) is CodeVerdict.ACCEPTED
    almost = later - dt.timedelta(seconds=1)
    assert judge(state, code(STEP + 10), almost) is CodeVerdict.THROTTLED


def test_a_right_code_forgives_earlier_failures() -> None:
    failing = replace(TOTP, failures=4, failing_since=NOW)
    verdict, after = judge_code(failing, secret=SECRET, code=code(STEP), now=NOW)
    assert verdict is CodeVerdict.ACCEPTED
    assert (after.failures, after.failing_since) == (0, None)


def test_the_qr_code_says_what_apps_expect() -> None:
    uri = provisioning_uri(
        kind=CodeKind.TOTP, secret=SECRET, issuer="Portward", account="alice"
    )
    assert uri == (
        "otpauth://totp/Portward%3Aalice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        "&issuer=Portward&algorithm=SHA1&digits=6&period=30"
    )


def test_a_recovery_code_is_bound_to_its_person() -> None:
    made = new_recovery_code(bytes(range(10)))
    assert made == "aaaq-eaye-auda-ocaj"
    assert recovery_hash("a", made) == recovery_hash(
        "a", made.upper().replace("-", " ")
    )
    assert recovery_hash("a", made) != recovery_hash("b", made)
