"""Failures of the outbox."""

from apps.core.errors import ConflictError, NotFoundError


class NotADeadLetterError(ConflictError):
    """Only a dead letter can be retried by hand."""

    code = "outbox.not_a_dead_letter"
    default_message = "This message is not a dead letter, so it is not retried by hand."
    default_remedy = "It is delivered by itself; look at its state and next attempt."


class MessageNotFoundError(NotFoundError):
    """There is no such message in this tenant."""

    code = "outbox.message_not_found"
    default_message = "There is no such message here."
