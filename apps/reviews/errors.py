"""Refusals of this app. Each has a code of its own."""

from __future__ import annotations

from apps.core.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError


class CampaignInvalidError(InvalidError):
    """A campaign makes no sense as it is."""

    code = "reviews.campaign_invalid"


class NothingToReviewError(InvalidError):
    """No assignment is in the campaign."""

    code = "reviews.nothing_to_review"
    default_message = "No assignment matches this campaign."
    default_remedy = "Choose more roles, tiers, places or sources."


class ReasonMissingError(InvalidError):
    """Nobody can tell why."""

    code = "reviews.reason_missing"
    default_message = "Say in a few words why."
    default_remedy = "Use at least 5 characters; the report shows them."


class NotReviewerError(ForbiddenError):
    """Another person has to decide."""

    code = "reviews.not_reviewer"
    default_message = "This is not yours to review."


class OwnItemError(ForbiddenError):
    """Nobody reviews their own access."""

    code = "reviews.own_item"
    default_message = "Nobody reviews their own access."
    default_remedy = "Ask another reviewer."


class RunStateError(ConflictError):
    """The run does not allow this any more."""

    code = "reviews.state"
    default_message = "This review is over."


class AlreadyOpenError(ConflictError):
    """A run of the campaign is open."""

    code = "reviews.already_open"
    default_message = "A review of this campaign is open already."
    default_remedy = "Apply or cancel it first."


class CountDiffersError(ConflictError):
    """Another number of assignments would be revoked than was confirmed."""

    code = "reviews.count_differs"
    default_remedy = "Look at the preview again, and confirm its number."


class ReviewNotFoundError(NotFoundError):
    """There is no such campaign, review or item."""

    code = "reviews.not_found"
    default_message = "There is no such review."
