"""Count what was refused, without keeping who it was."""

from __future__ import annotations

import datetime as dt
import logging

from django.utils import timezone

from apps.limits.errors import LimiterUnavailableError
from apps.limits.models import KnownAddress, Refusal
from apps.limits.rules import prefix
from apps.limits.services.storage import committed

KEPT = dt.timedelta(days=30)
_COUNT = """
INSERT INTO limits_refusal AS held (code, prefix, hour, count) VALUES (%s, %s, %s, %s)
ON CONFLICT (hour, code, prefix) DO UPDATE SET count = held.count + excluded.count
"""
logger = logging.getLogger(__name__)


def note_refusal(*, code: str, address: str, count: int = 1) -> None:
    """Count refusals for the network of an address and the current hour."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    network = prefix(address) if address else ""
    try:
        with committed() as cursor:
            cursor.execute(_COUNT, [code, network, hour, count])
    except LimiterUnavailableError:
        # The refusal itself stands whether or not it could be counted.
        logger.warning("a refusal was not counted: %s from %s", code, network)


def forget_old() -> int:
    """Remove counts and known addresses that are too old; return how many."""
    limit = timezone.now() - KEPT
    counts, _ = Refusal.objects.filter(hour__lt=limit).delete()
    addresses, _ = KnownAddress.objects.filter(seen_at__lt=limit).delete()
    return counts + addresses
