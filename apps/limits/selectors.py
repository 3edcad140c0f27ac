"""What the settings and the tables say about limits."""

from __future__ import annotations

import datetime as dt
import functools

from django.conf import settings
from django.utils import timezone

from apps.limits import rules
from apps.limits.models import Refusal
from apps.limits.rules import Bucket


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
