"""Base of all errors that the portal shows.

Five families, never mixed: the input is invalid, the state conflicts, the actor may
not, the thing is not there, the installation is misconfigured. Every class carries a
stable `code`; every instance carries a sentence, the field it is about and what to do.
"""

from __future__ import annotations


class PortwardError(Exception):
    """Any failure the product expects and can explain."""

    code = "core.error"
    status = 500
    default_message = "The operation failed."
    default_remedy = ""
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


class ConflictError(PortwardError):
    """The state changed, or does not allow the operation now."""

    code = "core.conflict"
    status = 409
    default_message = "The state does not allow this now."
    default_remedy = "Reload and try again."


class ForbiddenError(PortwardError):
    """The actor may not do this."""

    code = "core.forbidden"
    status = 403
    default_message = "You may not do this."


class NotFoundError(PortwardError):
    """There is no such thing, or none that the actor may see."""

    code = "core.not_found"
    status = 404
    default_message = "There is no such thing here."


class MisconfiguredError(PortwardError):
    """The installation lacks something the operation needs."""

    code = "core.misconfigured"
    status = 503
    default_message = "The installation is not configured for this."


def status_of(error: PortwardError) -> int:
    """Return the HTTP status that an error is answered with."""
    return 401 if error.challenge else error.status
