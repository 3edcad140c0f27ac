"""Decide whether a one-time code counts.

TOTP is RFC 6238, HOTP is RFC 4226. A code counts once: the step or counter that it
belongs to is used up, and so is everything before it.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import quote, urlencode

from django_otp import oath

DIGITS = 6
STEP_SECONDS = 30
# One step either way for clocks that differ (RFC 6238, section 5.2).
_TOLERANCE = 1
# How far a counter may be ahead because codes were shown and not sent.
_LOOK_AHEAD = 10
MOST_FAILURES = 5
FAILURES_COUNT_FOR = dt.timedelta(minutes=5)
_RECOVERY_GROUPS, _GROUP = 4, 4


class CodeKind(StrEnum):
    """What a code is made from."""

    TOTP = "totp"
    HOTP = "hotp"


@dataclass(frozen=True)
class CodeState:
    """What is known of a device. `next_value` is the first step or counter unused."""

    kind: CodeKind
    next_value: int
    failures: int = 0
    failing_since: dt.datetime | None = None


class CodeVerdict(StrEnum):
    """What a code is worth."""

    ACCEPTED = "accepted"
    WRONG = "wrong"
    REUSED = "reused"
    THROTTLED = "throttled"


def judge_code(
    state: CodeState, *, secret: bytes, code: str, now: dt.datetime
) -> tuple[CodeVerdict, CodeState]:
    """Return what a code is worth, and the state that must be stored because of it.

    1. After five failures within five minutes nothing is looked at.
    2. The code has the right form.
    3. It belongs to a step or counter near the one that is due.
    4. That step or counter was not used before.
    """
    failing_since = state.failing_since
    if failing_since is not None and now - failing_since >= FAILURES_COUNT_FOR:
        state = replace(state, failures=0, failing_since=None)
    if state.failures >= MOST_FAILURES:
        return CodeVerdict.THROTTLED, state
    found = _value_of(state, secret, normal_code(code), now)
    if found is not None and found >= state.next_value:
        return CodeVerdict.ACCEPTED, CodeState(state.kind, found + 1)
    failed = replace(
        state,
        failures=state.failures + 1,
        failing_since=state.failing_since or now,
    )
    return (CodeVerdict.WRONG if found is None else CodeVerdict.REUSED), failed


def normal_code(code: str) -> str:
    """Return a code as it is compared: without what people type between."""
    return "".join(c for c in code if c.isascii() and c.isalnum()).lower()


def provisioning_uri(
    *, kind: CodeKind, secret: bytes, issuer: str, account: str
) -> str:
    """Return what the QR code of a new device says (Key URI format of such apps)."""
    label = quote(f"{issuer}:{account}")
    fields = {
        "secret": secret_text(secret),
        "issuer": issuer,
        "algorithm": "SHA1",
        "digits": str(DIGITS),
    }
    if kind is CodeKind.TOTP:
        fields["period"] = str(STEP_SECONDS)
    else:
        fields["counter"] = "0"
    return f"otpauth://{kind.value}/{label}?{urlencode(fields)}"


def secret_text(secret: bytes) -> str:
    """Return a secret as people type it into an app."""
    return base64.b32encode(secret).decode().rstrip("=")


def new_recovery_code(entropy: bytes) -> str:
    """Return a recovery code of 80 bits, in four groups that can be read aloud."""
    text = base64.b32encode(entropy[:10]).decode().lower()
    groups = [text[i : i + _GROUP] for i in range(0, _RECOVERY_GROUPS * _GROUP, _GROUP)]
    return "-".join(groups)


def recovery_hash(user_id: str, code: str) -> str:
    """Return what is stored of a recovery code.

    Its 80 random bits cannot be guessed back from a plain hash; what people choose
    would need Argon2.
    """
    text = f"portward-recovery-v1\0{user_id}\0{normal_code(code)}"
    return hashlib.sha256(text.encode()).hexdigest()


def _value_of(
    state: CodeState, secret: bytes, code: str, now: dt.datetime
) -> int | None:
    if len(code) != DIGITS or not code.isdigit():
        return None
    if state.kind is CodeKind.TOTP:
        due = int(now.timestamp()) // STEP_SECONDS
        values = range(due - _TOLERANCE, due + _TOLERANCE + 1)
    else:
        values = range(max(state.next_value - 1, 0), state.next_value + _LOOK_AHEAD)
    # All are compared, so that time does not tell which one was meant.
    found = [
        value for value in values if hmac.compare_digest(_code(secret, value), code)
    ]
    return max(found, default=None)


def _code(secret: bytes, value: int) -> str:
    number = int(oath.hotp(secret, value, DIGITS))  # type: ignore[no-untyped-call]  # the library has no types
    return str(number).zfill(DIGITS)
