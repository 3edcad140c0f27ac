"""Refusals of this app. Each has a code of its own."""

from __future__ import annotations

from apps.core.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError


class DelegationNotAllowedError(ForbiddenError):
    """The tenant does not allow delegation."""

    code = "delegations.not_allowed"
    default_message = "This tenant does not allow delegation."
    default_remedy = "Ask a security admin to switch it on."


class NotYoursError(ForbiddenError):
    """Another person has to do this."""

    code = "delegations.not_yours"
    default_message = "Only who it concerns may do this."


class NotHeldError(InvalidError):
    """Nobody can lend more than they hold."""

    code = "delegations.not_held"
    default_message = "You do not hold this role there."
    default_remedy = "Choose a role and a place from what you hold."


class RedelegationError(InvalidError):
    """What is borrowed was not lent for passing on, or too often already."""

    code = "delegations.passed_on"
    default_message = "What you borrowed may not be passed on."
    default_remedy = "Ask who lent it to you to lend it directly."


class LoanDatesError(InvalidError):
    """Start and end make no sense, or are too far apart."""

    code = "delegations.dates"
    default_message = "The end is before the start."


class ReasonMissingError(InvalidError):
    """Nobody can tell why."""

    code = "delegations.reason_missing"
    default_message = "Say in a few words why."
    default_remedy = "Use at least 5 characters; both sides and the audit log keep it."


class PersonUnfitError(InvalidError):
    """This person cannot be the other side."""

    code = "delegations.person_unfit"
    default_message = "This person cannot take it over."


class PolicyInvalidError(InvalidError):
    """The tenant's limits are outside of what is possible."""

    code = "delegations.policy_invalid"


class LoanStateError(ConflictError):
    """It was answered or ended meanwhile."""

    code = "delegations.state"
    default_message = "It was answered or has ended meanwhile."


class LoanNotFoundError(NotFoundError):
    """There is no such delegation or absence, or it is none of one's business."""

    code = "delegations.not_found"
    default_message = "There is no such delegation."
