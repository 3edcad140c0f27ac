"""Say so when the time of what was lent is over; it ends by the clock, not by this."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from apps.delegations import selectors
from apps.delegations.choices import LoanState
from apps.delegations.events import Notice
from apps.delegations.services.trail import tell

# What ended longer ago is no news.
_NEWS = dt.timedelta(days=1)


@transaction.atomic
def tell_expired(*, now: dt.datetime) -> int:
    """Tell both sides of each delegation whose time is over, once; return how many."""
    over = selectors.delegations().filter(
        state=LoanState.ACCEPTED,
        end__lte=now,
        end__gt=now - _NEWS,
        expiry_told_at__isnull=True,
    )
    rows = list(over.select_for_update(of=("self",), skip_locked=True))
    for row in rows:
        row.expiry_told_at = now
        row.save(update_fields=["expiry_told_at", "updated_at"])
        tell(
            Notice.ENDED,
            [row.delegator.user_id, row.delegate.user_id],
            f"The time of {row.role} from {row.delegator} to {row.delegate} is over",
            row,
        )
    return len(rows)
