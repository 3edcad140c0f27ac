"""Lend and borrow, stand in for each other, and set what a tenant allows."""

from apps.delegations.services.absences import (
    accept_absence,
    decline_absence,
    end_absence,
    offer_absence,
)
from apps.delegations.services.expiry import tell_expired
from apps.delegations.services.loans import (
    OfferSpec,
    accept,
    decline,
    end_lent,
    offer,
    revoke,
)
from apps.delegations.services.policy import delegation_policy_row, set_policy
from apps.delegations.services.trail import lock_loans

__all__ = [
    "OfferSpec",
    "accept",
    "accept_absence",
    "decline",
    "decline_absence",
    "delegation_policy_row",
    "end_absence",
    "end_lent",
    "lock_loans",
    "offer",
    "offer_absence",
    "revoke",
    "set_policy",
    "tell_expired",
]
