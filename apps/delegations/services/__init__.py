"""Lend and borrow, stand in for each other, and set what a tenant allows."""

from apps.delegations.services.absences import (
    accept_absence,
    decline_absence,
    end_absence,
    offer_absence,
)
from apps.delegations.services.loans import (
    OfferSpec,
    accept,
    decline,
    offer,
    revoke,
)
from apps.delegations.services.policy import delegation_policy_row, set_policy

__all__ = [
    "OfferSpec",
    "accept",
    "accept_absence",
    "decline",
    "decline_absence",
    "delegation_policy_row",
    "end_absence",
    "offer",
    "offer_absence",
    "revoke",
    "set_policy",
]
