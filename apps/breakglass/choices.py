"""Vocabularies of the app. Plain enumerations, since the rules use them."""

from __future__ import annotations

from enum import StrEnum


class AccountState(StrEnum):
    """Where a break-glass account stands."""

    SEALED = "sealed"
    OPEN = "open"
    REVIEW = "review"
    LOCKED = "locked"
    RETIRED = "retired"
