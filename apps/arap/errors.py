"""Failures of access requests; each has the name that the profile gives it."""

from __future__ import annotations

from apps.core.errors import ConflictError, InvalidError, NotFoundError, PortwardError

URN = "urn:openid:authzen:access-request:error:"
_GONE = 410


class RequestInvalidError(InvalidError):
    """What was sent is no request for access."""

    code = "arap.invalid"
    default_message = "This is no request for access."


class NotRequestableError(InvalidError):
    """Nothing that the subject may ask for would lead to a permit."""

    code = "arap.not_requestable"
    default_message = "This cannot be asked for."


class InvalidDenialBindingError(InvalidError):
    """The denial is not one that a node of this tenant gave to this question."""

    code = "arap.invalid_denial_binding"
    default_message = "The denial does not belong to this request."
    default_remedy = "Ask for a decision again, and send what is answered."


class ExpiredDenialError(ConflictError):
    """The denial was given too long ago."""

    code = "arap.expired_denial"
    status = _GONE
    default_message = "The denial is too old."
    default_remedy = "Ask for a decision again, and send what is answered."


class DuplicateRequestError(ConflictError):
    """The same is asked for already."""

    code = "arap.duplicate_request"
    default_message = "This is asked for already."
    default_remedy = "Wait for the decision on the first request."


class UnknownTaskError(NotFoundError):
    """There is no such task of whoever asks."""

    code = "arap.unknown_task"
    default_message = "There is no such task."


class TaskExpiredError(ConflictError):
    """The task has run out of time."""

    code = "arap.task_expired"
    status = _GONE
    default_message = "The task is over."
    default_remedy = "Ask for a decision again."


class InvalidTaskStateError(ConflictError):
    """The task does not allow this now."""

    code = "arap.invalid_task_state"
    default_message = "The task does not allow this now."
    default_remedy = "Look at its status."


_NAMED = (
    NotRequestableError,
    InvalidDenialBindingError,
    ExpiredDenialError,
    DuplicateRequestError,
    UnknownTaskError,
    TaskExpiredError,
    InvalidTaskStateError,
)


def urn_of(error: PortwardError) -> str:
    """Return the type that the profile gives an error, empty if it names none."""
    if isinstance(error, _NAMED):
        return URN + error.code.rpartition(".")[2]
    return ""
