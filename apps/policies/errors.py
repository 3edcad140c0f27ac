"""Refusals of this app."""

from __future__ import annotations

from collections.abc import Sequence

from typing_extensions import override

from apps.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)


class PolicyInvalidError(InvalidError):
    """A policy says something that cannot be; `problems` holds every reason.

    Code, field and remedy are those of the first reason.
    """

    code = "policies.invalid"

    def __init__(self, problems: Sequence[tuple[str, str, str, str]]) -> None:
        """Take (code, field, message, remedy) of every reason, at least one."""
        self.problems = tuple(problems)
        code, field, message, remedy = self.problems[0]
        super().__init__(message, field=field, remedy=remedy)
        self.code = code
        self.reasons = [
            {"code": code, "message": message, "field": field, "remedy": remedy}
            for code, field, message, remedy in self.problems
        ]

    @override
    def __str__(self) -> str:
        return "\n".join(
            f"{field}: {message} {remedy} [{code}]"
            for code, field, message, remedy in self.problems
        )


class DraftChangedError(ConflictError):
    """Somebody else saved the draft in between."""

    code = "policies.draft_changed"
    default_remedy = "Look at what they changed, and save what shall stay."


class DraftStaleError(ConflictError):
    """What was approved is not what the draft says or compiles to now."""

    code = "policies.draft_stale"
    default_message = "The draft is no longer what was approved."
    default_remedy = "Save the draft again and propose it anew."


class SlugTakenError(ConflictError):
    """The short name is in use."""

    code = "policies.slug_taken"
    default_message = "This short name is taken."
    default_remedy = "Choose another short name, or edit the existing policy."


class SlugInvalidError(InvalidError):
    """A short name has a wrong shape."""

    code = "policies.slug_invalid"
    default_message = "The short name is malformed."
    default_remedy = "Use a-z, 0-9 and hyphens, starting with a letter."


class TestsFailedError(ConflictError):
    """The tests of a policy fail, or do not cover what it forbids."""

    # Not a test itself, whatever its name begins with.
    __test__ = False

    code = "policies.tests_failed"
    default_remedy = "Open the tests of the policy, mend them and propose it anew."


class TestNotFoundError(NotFoundError):
    """There is no such test."""

    # Not a test itself, whatever its name begins with.
    __test__ = False

    code = "policies.test_not_found"
    default_message = "The policy has no test of this name."


class NothingToFreezeError(ConflictError):
    """The draft says what is live already."""

    code = "policies.unchanged"
    default_message = "The draft says what is live already."
    default_remedy = "Change the draft first."


class PolicyNotFoundError(NotFoundError):
    """There is no such policy."""

    code = "policies.policy_not_found"
    default_message = "There is no such policy."


class DraftNotFoundError(NotFoundError):
    """There is no such draft."""

    code = "policies.draft_not_found"
    default_message = "There is no such draft."


class VersionNotFoundError(NotFoundError):
    """There is no such version."""

    code = "policies.version_not_found"
    default_message = "There is no such version."


class PolicyStateError(ConflictError):
    """The policy is not in a state in which this can be done."""

    code = "policies.state"
    default_message = "The policy is not in a state in which this can be done."
    default_remedy = "Reload the page to see where the policy stands."


class RequestNeededError(ForbiddenError):
    """The act could give access, so others have to approve it."""

    code = "policies.request_needed"
    default_message = "This could give access, so others have to approve it."
    default_remedy = "Propose it in a set of changes."


class NotForYouError(ForbiddenError):
    """Only the owner of the policy or a security admin does this."""

    code = "policies.not_yours"
    default_message = "Only the owner of the policy or a security admin does this."
    default_remedy = "Ask one of them."


class ConfirmationError(InvalidError):
    """What cannot be undone is confirmed with the short name of the policy."""

    code = "policies.confirmation"
    default_message = "That is not the short name of the policy."
    default_remedy = "Type the short name as it stands there; retiring is for good."


class ReasonMissingError(InvalidError):
    """An act upon a policy needs a reason."""

    code = "policies.reason_missing"
    default_message = "A reason is needed."
    default_remedy = "Write why, for those who read it later."


class NothingDueError(ConflictError):
    """There is no end that somebody would have to decide about."""

    code = "policies.nothing_due"
    default_message = "This policy has no end to decide about."
    default_remedy = "Only a forbid that names an end asks for a decision."


class UntilInvalidError(InvalidError):
    """A forbid can be extended to a later time only."""

    code = "policies.until_invalid"
    default_message = "Choose a time that lies ahead, after the present end."
    default_remedy = "Write it in UTC and to the second, like 2026-01-31T12:00:00Z."
