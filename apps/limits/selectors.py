"""What the settings and the tables say about limits."""

from __future__ import annotations

import datetime as dt
import functools
import uuid
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from apps.limits import rules
from apps.limits.models import CircuitBreaker, Refusal
from apps.limits.rules import Bucket
from apps.limits.rules.breaker import BreakerState, admit, calls, state_of


@dataclass(frozen=True)
class Dependency:
    """Something the portal calls, and how that went lately."""

    row: CircuitBreaker
    state: BreakerState
    good: int
    bad: int
    retry_after: int


def dependencies(tenant_id: uuid.UUID) -> list[Dependency]:
    """Return what a tenant's and the installation's calls go to."""
    now = timezone.now().timestamp()
    rows = CircuitBreaker.objects.filter(Q(tenant_id=tenant_id) | Q(tenant_id=None))
    found = []
    for row in rows:
        facts = row.facts()
        good, bad = calls(facts, now=now)
        retry_after = admit(facts, now=now).retry_after
        state = state_of(facts, now=now)
        found.append(Dependency(row, state, good, bad, retry_after))
    return found


def bucket(name: str) -> Bucket:
    """Return a bucket of the table, as the settings change it."""
    overrides: dict[str, str] = settings.PORTWARD_RATE_LIMITS
    return _buckets(tuple(sorted(overrides.items())))[name]


def trusted_proxies() -> int:
    """Return how many proxies stand before us and append addresses."""
    return int(settings.PORTWARD_TRUSTED_PROXIES)


def refusals(period: dt.timedelta) -> list[Refusal]:
    """Return what was refused lately, the newest hour first."""
    return list(Refusal.objects.filter(hour__gte=timezone.now() - period))


@functools.lru_cache(maxsize=8)
def _buckets(overrides: tuple[tuple[str, str], ...]) -> dict[str, Bucket]:
    return rules.buckets(dict(overrides))
