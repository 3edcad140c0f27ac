"""Failures of approval."""

from apps.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)


class FlowInvalidError(InvalidError):
    """An approval flow does not say who decides, or cannot ever be met."""

    code = "approvals.flow_invalid"


class PatternInvalidError(FlowInvalidError):
    """A pattern of a condition cannot be read."""

    code = "approvals.pattern_invalid"
    default_remedy = "Use characters, [a-z], \\d, groups, | and * + ? {2,5}."

    def __init__(self, message: str) -> None:
        super().__init__(message, field="conditions")


class RequestInvalidError(InvalidError):
    """A request cannot be opened with what was sent."""

    code = "approvals.request_invalid"


class DraftTestsFailedError(RequestInvalidError):
    """A draft whose tests fail is not proposed."""

    code = "approvals.tests_failed"
    default_remedy = "Open the tests of the policy, and mend the policy or the test."


class DraftUntestedError(RequestInvalidError):
    """A draft is not proposed while no test would miss what it forbids."""

    code = "approvals.forbid_untested"
    default_remedy = "Open the tests of the policy and keep those that are proposed."


class NobodyCanApproveError(InvalidError):
    """Too few people could ever decide on what is asked for."""

    code = "approvals.nobody_can_approve"
    default_message = "Nobody could approve this."
    default_remedy = (
        "A security admin names more approvers, each with a passkey, none of whom is "
        "behind the request."
    )


class FlowNotFoundError(NotFoundError):
    """There is no such flow in this tenant."""

    code = "approvals.flow_not_found"
    default_message = "There is no such flow here."


class FlowNameTakenError(ConflictError):
    """Two flows of a kind are told apart by their names."""

    code = "approvals.flow_name_taken"
    default_message = "There is a flow of this name already."
    default_remedy = "Choose another name."


class FlowForbiddenError(ForbiddenError):
    """Only a security admin says who decides."""

    code = "approvals.flow_forbidden"
    default_message = "Only a security admin may change a flow."


class FlowUncoveredError(InvalidError):
    """A flow has stages that nobody could pass."""

    code = "approvals.flow_uncovered"


class RequestNotFoundError(NotFoundError):
    """There is no such request in this tenant."""

    code = "approvals.request_not_found"
    default_message = "There is no such request here."


class DraftInAnotherRequestError(ConflictError):
    """A draft is under review already."""

    code = "approvals.draft_in_another_request"
    default_remedy = "Wait for that request, or cancel it."


class SubjectInAnotherRequestError(ConflictError):
    """What is asked for is under review already."""

    code = "approvals.subject_in_another_request"
    default_message = "This is under review already."
    default_remedy = "Wait for that request, or cancel it."


class RequestClosedError(ConflictError):
    """The request was decided or cancelled; nothing can be added to it."""

    code = "approvals.request_closed"
    default_message = "This request is closed."
    default_remedy = "Open a new request."


class RequestExpiredError(RequestClosedError):
    """The time in which the request could be decided is over."""

    code = "approvals.request_expired"
    default_message = "The time to decide on this request is over."


class RequestCancelledError(RequestClosedError):
    """The request was withdrawn."""

    code = "approvals.request_cancelled"
    default_message = "This request was cancelled."


class RequestOutdatedError(ConflictError):
    """A draft changed after the request fixed its digest: approvals would be void."""

    code = "approvals.request_outdated"
    default_remedy = "Cancel this request and open a new one for the new content."


class AlreadyVotedError(ConflictError):
    """One person has one vote."""

    code = "approvals.already_voted"
    default_message = "You have voted on this request already."
    default_remedy = "Ask another approver."


class VoteForbiddenError(ForbiddenError):
    """The person may not vote on this request."""

    code = "approvals.vote_forbidden"


class ProposeForbiddenError(ForbiddenError):
    """Only a security admin, or an operator's command, proposes changes."""

    code = "approvals.propose_forbidden"
    default_message = "Only a security admin may propose changes."


class OpenForbiddenError(ForbiddenError):
    """Only members of the tenant ask for anything in it."""

    code = "approvals.open_forbidden"
    default_message = "Only a member of this tenant may ask for this."


class CancelForbiddenError(ForbiddenError):
    """Only the opener or a security admin may cancel."""

    code = "approvals.cancel_forbidden"
    default_message = (
        "Only the person who opened a request or a security admin may cancel it."
    )


class VoteEvidenceError(InvalidError):
    """A stored vote does not prove what it claims."""

    code = "approvals.vote_evidence"
    default_message = "The stored vote does not verify."


class ChangeSetNotFoundError(NotFoundError):
    """There is no such set of changes in this tenant."""

    code = "approvals.change_set_not_found"
    default_message = "There is no such set of changes here."


class ChangeNotFoundError(NotFoundError):
    """There is no such change in the set."""

    code = "approvals.change_not_found"
    default_message = "The set holds no such change."


class ChangeSetClosedError(ConflictError):
    """A set that waits for approval, or is done with, is not changed any more."""

    code = "approvals.change_set_closed"
    default_message = "This set of changes cannot be changed now."
    default_remedy = "Cancel its request, or begin a new set."


class ChangeSetChangedError(ConflictError):
    """Somebody changed the set since the actor read it."""

    code = "approvals.change_set_changed"
    default_message = "Somebody changed this set of changes meanwhile."
    default_remedy = "Reload it, and look at what changed."


class ChangeOutdatedError(ConflictError):
    """What a change is based on was changed by somebody else."""

    code = "approvals.change_outdated"
    default_remedy = (
        "Open the set of changes: it shows yours beside theirs, and lets you choose."
    )


class ChangeInvalidError(InvalidError):
    """A change does not say what it must say."""

    code = "approvals.change_invalid"


class ChangeSetEmptyError(InvalidError):
    """A set without changes proposes nothing."""

    code = "approvals.change_set_empty"
    default_message = "This set holds no changes yet."
    default_remedy = "Add changes from the pages of policies, roles and windows."


class NotSchedulableError(InvalidError):
    """Only policies carry a time at which nodes begin to apply them."""

    code = "approvals.not_schedulable"
    default_remedy = (
        "Leave the time out, or put everything that is no policy into a set of its own."
    )


class EvidenceMissingError(ConflictError):
    """What a change would do is not computed, or not fresh any more."""

    code = "approvals.evidence_missing"
    default_message = "The evidence is not there yet."
    default_remedy = "Wait until it is computed, or have it computed again."


class EvidenceNotNeededError(InvalidError):
    """Only of changes is computed what they would do."""

    code = "approvals.evidence_not_needed"
    default_message = "This request is not about a change of policies."
    default_remedy = "What it asks for stands in the request itself."


class CommentNotFoundError(NotFoundError):
    """There is no such comment in this tenant."""

    code = "approvals.comment_not_found"
    default_message = "There is no such comment here."


class CommentInvalidError(InvalidError):
    """A comment that says nothing, or too much."""

    code = "approvals.comment_invalid"
    default_message = "A comment has 1 to 4000 characters."


class CommentForbiddenError(ForbiddenError):
    """People change only what they said themselves."""

    code = "approvals.comment_forbidden"
    default_message = "Only its author may change a comment."


class NothingScheduledError(ConflictError):
    """Nothing of the request waits for its time."""

    code = "approvals.nothing_scheduled"
    default_message = "Nothing of this request waits for its time."
    default_remedy = "Propose a change, or roll back what is in force."
