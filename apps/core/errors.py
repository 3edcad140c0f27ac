"""Base of all errors that the portal shows.

Six families, never mixed: the input is invalid, the state conflicts, the actor may
not, the thing is not there, there were too many requests, the installation is
misconfigured. Every class carries a stable `code`; every instance carries a sentence,
the field it is about and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_MINUTE = 60


class PortwardError(Exception):
    """Any failure the product expects and can explain."""

    code = "core.error"
    status = 500
    default_message = "The operation failed."
    default_remedy = ""
    # Each thing that is wrong, in the form of `as_dict`, where there may be several.
    reasons: Sequence[Mapping[str, str]] = ()
    # What a 401 asks for (RFC 9110, section 11.6.1); set, it makes the answer one.
    challenge = ""

    def __init__(
        self,
        message: str = "",
        *,
        field: str = "",
        remedy: str = "",
    ) -> None:
        self.message = message or self.default_message
        self.field = field
        self.remedy = remedy or self.default_remedy
        super().__init__(self.message)

    def as_dict(self) -> dict[str, str]:
        """Return code, message, field and remedy for an API answer or an audit row."""
        return {
            "code": self.code,
            "message": self.message,
            "field": self.field,
            "remedy": self.remedy,
        }


class InvalidError(PortwardError):
    """What was sent cannot be accepted as it is."""

    code = "core.invalid"
    status = 400
    default_message = "The input is not valid."


class TooLargeError(InvalidError):
    """What was sent is larger than what is read here."""

    code = "core.too_large"
    status = 413
    default_message = "The request is too large."


class ConflictError(PortwardError):
    """The state changed, or does not allow the operation now."""

    code = "core.conflict"
    status = 409
    default_message = "The state does not allow this now."
    default_remedy = "Reload and try again."


class ChangedMeanwhileError(ConflictError):
    """The row is not what `If-Match` says (RFC 9110, section 13.1.1)."""

    code = "core.changed_meanwhile"
    status = 412
    default_message = "Somebody changed this since you read it."
    default_remedy = "Read it again, and send its new ETag in If-Match."


class MatchRequiredError(ConflictError):
    """A change must say which state it is about (RFC 6585, section 3)."""

    code = "core.match_required"
    status = 428
    default_message = "Say which state you change."
    default_remedy = "Read it, and send its ETag in If-Match."


class ForbiddenError(PortwardError):
    """The actor may not do this."""

    code = "core.forbidden"
    status = 403
    default_message = "You may not do this."


class OutOfScopeError(ForbiddenError):
    """What would be saved lies outside of what the actor may change."""

    code = "core.out_of_scope"
    default_message = "Saved like this, it would lie outside of what you may change."
    default_remedy = "Undo the change of what your right depends on, or ask an admin."


class NotFoundError(PortwardError):
    """There is no such thing, or none that the actor may see."""

    code = "core.not_found"
    status = 404
    default_message = "There is no such thing here."


class ThrottledError(PortwardError):
    """Too much was asked in too short a time; `retry_after` says when to come back."""

    code = "core.throttled"
    status = 429
    default_message = "Too many requests."

    def __init__(
        self,
        message: str = "",
        *,
        retry_after: int = 1,
        field: str = "",
        remedy: str = "",
    ) -> None:
        # RFC 9110, section 10.2.3: whole seconds; zero would invite an instant retry.
        self.retry_after = max(1, retry_after)
        super().__init__(
            message,
            field=field,
            remedy=remedy or f"Try again in {_duration(self.retry_after)}.",
        )


class MisconfiguredError(PortwardError):
    """The installation lacks something the operation needs."""

    code = "core.misconfigured"
    status = 503
    default_message = "The installation is not configured for this."


def status_of(error: PortwardError) -> int:
    """Return the HTTP status that an error is answered with."""
    return 401 if error.challenge else error.status


def _duration(seconds: int) -> str:
    if seconds < 2 * _MINUTE:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    return f"{-(-seconds // _MINUTE)} minutes"
