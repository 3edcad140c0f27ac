"""Refusals of this app. Each has a code of its own."""

from __future__ import annotations

from apps.core.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError


class EligibilityInvalidError(InvalidError):
    """What may be asked for is not well defined."""

    code = "elevations.eligibility_invalid"


class MinutesInvalidError(InvalidError):
    """The time asked for is none, or longer than it may be."""

    code = "elevations.minutes_invalid"


class ReasonMissingError(InvalidError):
    """Nobody decides on a request without a reason."""

    code = "elevations.reason_missing"
    default_message = "Say why you need it, in a sentence."
    default_remedy = "Approvers and auditors read this first."


class TicketInvalidError(InvalidError):
    """The ticket is missing or does not look like one."""

    code = "elevations.ticket_invalid"


class EligibilityNotFoundError(NotFoundError):
    """There is no such thing to ask for."""

    code = "elevations.eligibility_not_found"
    default_message = "There is no such thing to ask for."


class ElevationNotFoundError(NotFoundError):
    """There is no such elevation."""

    code = "elevations.not_found"
    default_message = "There is no such elevation."


class NotEligibleError(ForbiddenError):
    """The person may not ask for this."""

    code = "elevations.not_eligible"
    default_message = "This is not offered to you."
    default_remedy = "Ask a security admin to offer it to you."


class NotYoursError(ForbiddenError):
    """Only the one who asked may do this."""

    code = "elevations.not_yours"
    default_message = "Only the person who asked may do this."


class MayNotEndError(ForbiddenError):
    """Neither holder, approver nor security admin."""

    code = "elevations.may_not_end"
    default_message = "Only its holder, its approvers and security admins end it."


class AlreadyRequestedError(ConflictError):
    """The same is being decided or held already."""

    code = "elevations.already_requested"
    default_message = "You have asked for this already."
    default_remedy = "Wait for the decision, or cancel that request first."


class ElevationStateError(ConflictError):
    """The elevation's state does not allow this."""

    code = "elevations.state"


class ElevationExpiredError(ConflictError):
    """The time to do this is over."""

    code = "elevations.expired"
    default_remedy = "Ask again."


class EligibilityUsedError(ConflictError):
    """An offer that somebody made use of is part of what happened."""

    code = "elevations.eligibility_used"
    default_message = "Somebody asked for this before, so it cannot be removed."
    default_remedy = "Withdraw it."
