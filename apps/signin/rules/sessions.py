"""Decide whether a session still counts, and what it lacks.

Limits: PRODUCT's session limits; OWASP ASVS 5.0, chapter V7.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apps.signin.choices import Acr, EndReason, Method
from apps.signin.rules.levels import Factor, level_at, proven_at

IDLE = dt.timedelta(minutes=30)
ABSOLUTE = dt.timedelta(hours=8)
ELEVATED_IDLE = dt.timedelta(minutes=30)
ELEVATED_ABSOLUTE = dt.timedelta(hours=4)
# Who only has a lower level is led to the step-up page, whatever they ask for.
CONSOLE_LEVEL = Acr.MULTI
_VERSION = re.compile(r"[\d._]+")


@dataclass(frozen=True)
class SessionState:
    """What the database knows of a session."""

    started_at: dt.datetime
    last_seen_at: dt.datetime
    expires_at: dt.datetime
    ended_at: dt.datetime | None
    end_reason: str
    factors: Sequence[Factor]
    must_prove_since: dt.datetime | None
    elevated_at: dt.datetime | None = None
    elevated_seen_at: dt.datetime | None = None


def end_of(state: SessionState, *, now: dt.datetime) -> EndReason | None:
    """Return why a session is over, or None while it lives."""
    if state.ended_at is not None:
        return EndReason(state.end_reason or EndReason.KILLED)
    if now >= min(state.expires_at, state.started_at + ABSOLUTE):
        return EndReason.TOO_OLD
    if now - state.last_seen_at >= IDLE:
        return EndReason.IDLE
    return None


def must_prove(state: SessionState) -> bool:
    """Say whether the person has to prove themselves before anything else.

    Either they never proved enough for the console, or something changed (another
    device, high risk) after they last did so with a passkey.
    """
    if level_at(state.factors, now=0) < CONSOLE_LEVEL:
        return True
    # A proof by passkey takes the mark away; nothing else does.
    return state.must_prove_since is not None


def is_accepted(factors: Sequence[Factor], *, accepted: frozenset[str]) -> bool:
    """Say whether a tenant takes what the session was opened with.

    Passkeys and what a provider vouches for are always taken; codes only where the
    tenant names their kind.
    """
    return any(
        factor.acr >= CONSOLE_LEVEL
        and (
            factor.method in {Method.PASSKEY, Method.FEDERATED}
            or factor.method.value in accepted
        )
        for factor in factors
    )


# Between a proof and the judgment of the same request no more than this passes.
_SAME_MOMENT = 5


def has_answered_risk(
    factors: Sequence[Factor], *, risk: int, limit: int, judged_at: dt.datetime
) -> bool:
    """Say whether a risk is below the tenant's limit or was answered by a passkey."""
    if risk < limit:
        return True
    last = proven_at(factors, acr=Acr.PHISHING_RESISTANT)
    return last is not None and last >= int(judged_at.timestamp()) - _SAME_MOMENT


def is_elevated(state: SessionState, *, now: dt.datetime) -> bool:
    """Say whether the elevated session that a step-up opened still counts."""
    if state.elevated_at is None or state.elevated_seen_at is None:
        return False
    return (
        now - state.elevated_at < ELEVATED_ABSOLUTE
        and now - state.elevated_seen_at < ELEVATED_IDLE
    )


def elevated_until(state: SessionState, *, now: dt.datetime) -> dt.datetime | None:
    """Return when the elevated session ends if nothing more is done with it."""
    if not is_elevated(state, now=now):
        return None
    assert state.elevated_at is not None and state.elevated_seen_at is not None  # noqa: S101, PT018  # is_elevated said so
    return min(
        state.elevated_at + ELEVATED_ABSOLUTE, state.elevated_seen_at + ELEVATED_IDLE
    )


def fingerprint(headers: Mapping[str, str]) -> str:
    """Return what stays the same of a browser while it updates itself.

    Only hints that a browser sends with every request, without version numbers, so
    that an update is no change of device but another browser is. User-Agent Client
    Hints, section 3.
    """
    brands = _names(headers.get("Sec-CH-UA", ""))
    parts = (
        brands or _VERSION.sub("", headers.get("User-Agent", "")),
        headers.get("Sec-CH-UA-Platform", ""),
        headers.get("Sec-CH-UA-Mobile", ""),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def device_label(headers: Mapping[str, str]) -> str:
    """Return words for a device that its owner recognizes, as "Chrome on Linux"."""
    agent = headers.get("User-Agent", "")
    browser = next((name for key, name in _BROWSERS if key in agent), "A browser")
    system = next((name for key, name in _SYSTEMS if key in agent), "")
    return f"{browser} on {system}" if system else browser


_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("HeadlessChrome/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def _names(brands: str) -> str:
    """Return the sorted brand names without versions and the deliberate nonsense."""
    names = re.findall(r'"([^"]*)";\s*v=', brands)
    return ",".join(sorted(n for n in names if "not" not in n.lower()))
