"""Failures of sessions, step-up and operation tokens."""

from __future__ import annotations

import uuid

from apps.core.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError


class SessionOverError(ForbiddenError):
    """There is no session, or it ended."""

    code = "signin.session_over"
    default_message = "This session is over."
    default_remedy = "Sign in again."


class SessionNotFoundError(NotFoundError):
    """There is no such session, or none of a person one may see."""

    code = "signin.session_not_found"
    default_message = "There is no such session."


class StepUpRequiredError(ForbiddenError):
    """The operation needs a fresher or stronger proof of who is there (RFC 9470)."""

    code = "signin.insufficient_user_authentication"
    default_message = "Prove that it is you before this can be done."
    default_remedy = "Confirm with your passkey."

    def __init__(
        self, message: str = "", *, acr: str = "", max_age: int = 0, pending: str = ""
    ) -> None:
        self.pending = pending
        self.challenge = (
            'Bearer realm="portward", error="insufficient_user_authentication", '
            'error_description="This operation needs an operation token.", '
            f'acr_values="{acr}", max_age={max_age}'
        )
        super().__init__(message)


class OperationNotFoundError(NotFoundError):
    """There is no such pending operation, or it is somebody else's."""

    code = "signin.operation_not_found"
    default_message = "This confirmation is not yours, or it does not exist."
    default_remedy = "Start the operation again."


class OperationOverError(ConflictError):
    """The operation expired or was done already."""

    code = "signin.operation_over"
    default_message = "This confirmation has expired or was used already."
    default_remedy = "Start the operation again."


class OperationChangedError(ConflictError):
    """What is being done is not what was confirmed."""

    code = "signin.operation_changed"
    default_message = "What you confirmed is not what is being done now."
    default_remedy = "Start the operation again and confirm it as it is."


class OperationInvalidError(InvalidError):
    """A pending operation is described in a way that cannot be accepted."""

    code = "signin.operation_invalid"


class RiskTooHighError(ForbiddenError):
    """The tenant's limit of risk is passed."""

    code = "signin.risk_too_high"
    default_message = "This sign-in looks too risky for this tenant."
    default_remedy = "Use a device and a place you work from, or ask a security admin."


def parse_id(value: object) -> uuid.UUID:
    """Return an identifier sent by a client, or raise OperationNotFoundError."""
    try:
        return uuid.UUID(str(value))
    except ValueError as error:
        raise OperationNotFoundError from error
