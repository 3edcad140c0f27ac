"""Every bucket, and which routes it guards."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from apps.limits.errors import RateLimitsInvalidError
from apps.limits.rules.buckets import Bucket

ADDRESS = "address"
CLIENT = "client"
SIGN_IN_PAIR = "sign-in-account-and-address"
SIGN_IN_ACCOUNT = "sign-in-account"
SIGN_IN_ADDRESS = "sign-in-address"
STATIC = "static"
HEALTH = "health"
EDGE_ADDRESS = "edge-address"
EDGE_ENROLL = "edge-enroll"
EDGE_SYNC = "edge-sync"
EDGE_REPORT = "edge-report"
EDGE_DECISIONS = "edge-decisions"

# What the console reads at most; sign-in and tokens need far less.
BODY_LIMIT = 2 * 1024 * 1024
SMALL_BODY_LIMIT = 64 * 1024
_SMALL_BODIES = frozenset({"sign-in", "enrollment", "tokens", "operation-token"})
_LIMIT = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)/(\d{1,6})")


@dataclass(frozen=True)
class Guard:
    """A bucket with what it is counted by and what it is for."""

    bucket: Bucket
    counted_by: str
    purpose: str
    routes: tuple[str, ...] = ()


def _guard(  # one line of the table
    name: str, rate: float, burst: int, counted_by: str, purpose: str, *routes: str
) -> Guard:
    return Guard(Bucket(name, rate, burst), counted_by, purpose, routes)


# Routes are named as in urls.py; a star stands for anything.
GUARDS: tuple[Guard, ...] = (
    _guard(ADDRESS, 1000, 200, "address", "every request"),
    _guard(CLIENT, 100, 200, "token", "requests that carry an Authorization header"),
    _guard(
        *("sign-in", 10, 60, "address", "pages and steps of signing in"),
        *("admin:login", "signin:login_*", "signin:confirm*", "*:fallback*"),
        *("federation:*", "breakglass:*"),
    ),
    _guard(
        *("enrollment", 2, 30, "address", "enrollment links and registering a passkey"),
        *("signin:enroll*", "signin:registration_*"),
    ),
    _guard("tokens", 10, 40, "address", "tokens for clients (/oauth/)", "clients:*"),
    _guard(
        *("operation-token", 5, 40, "address", "tokens for one operation over REST"),
        "api:operation*",
    ),
    _guard(
        *("documents", 2, 20, "address", "the schema and the pages of the API"),
        *("api:schema", "api:docs"),
    ),
    _guard("bundle", 20, 40, "address", "bundles over REST", "api:bundle"),
    _guard("access-requests", 10, 60, "address", "requests by the profile", "arap:*"),
    _guard(
        *(SIGN_IN_PAIR, 1 / 60, 5, "account and address"),
        "attempts with a password or code for one account from one address",
    ),
    _guard(
        *(SIGN_IN_ACCOUNT, 1 / 30, 30, "account"),
        "the same for one account from addresses it was never signed in to from",
    ),
    _guard(
        *(SIGN_IN_ADDRESS, 1 / 10, 30, "address"),
        "the same from one address, for all accounts",
    ),
    _guard(
        STATIC, 1000, 400, "address, per process", "style sheets, scripts, pictures"
    ),
    _guard(HEALTH, 20, 40, "address, per process", "the health check"),
    _guard(
        *(EDGE_ADDRESS, 2000, 20_000, "address, per process"),
        "every request to the edge; a fleet may stand behind one address",
    ),
    _guard(EDGE_ENROLL, 10, 100, "address, per process", "nodes that enroll"),
    _guard(EDGE_SYNC, 2, 30, "node, per process", "polls of one node"),
    _guard(EDGE_REPORT, 5, 50, "node, per process", "reports of one node"),
    _guard(EDGE_DECISIONS, 2, 20, "node, per process", "decision logs of one node"),
)


def buckets(overrides: Mapping[str, str]) -> dict[str, Bucket]:
    """Return every bucket by name, as the table or an override says.

    Raises RateLimitsInvalidError for an unknown name or a text that is no limit.
    """
    found = {guard.bucket.name: guard.bucket for guard in GUARDS}
    for name, text in overrides.items():
        if name not in found:
            raise RateLimitsInvalidError(f"There is no bucket “{name}”.", field=name)
        rate, burst = _parse(name, text)
        found[name] = replace(found[name], rate_per_second=rate, burst=burst)
    return found


def guard_of(route: str) -> str:
    """Return the name of the bucket that guards a route by its name, or nothing."""
    for guard in GUARDS:
        if any(fnmatchcase(route, pattern) for pattern in guard.routes):
            return guard.bucket.name
    return ""


def body_limit(guard: str) -> int:
    """Return how many bytes are read of a request that a bucket guards."""
    return SMALL_BODY_LIMIT if guard in _SMALL_BODIES else BODY_LIMIT


def _parse(name: str, text: str) -> tuple[float, int]:
    found = _LIMIT.fullmatch(text.strip())
    rate, burst = (float(found[1]), int(found[2])) if found else (0.0, 0)
    if rate <= 0 or burst <= 0:
        raise RateLimitsInvalidError(
            f"The limit of “{name}” is not valid: “{text}”.", field=name
        )
    return rate, burst
