"""Failures of the app."""

from __future__ import annotations

from apps.core.errors import (
    ConflictError,
    InvalidError,
    MisconfiguredError,
    NotFoundError,
)


class NotificationInvalidError(InvalidError):
    """A notification cannot be written as it is."""

    code = "notifications.invalid"
    default_message = "The notification is not valid."


class NotificationNotFoundError(NotFoundError):
    """There is no such notification of this person."""

    code = "notifications.not_found"
    default_message = "There is no such notification of yours."


class AddressRefusedError(InvalidError):
    """The portal does not send to this address."""

    code = "notifications.address_refused"
    default_message = "The portal does not send to this address."
    default_remedy = (
        "Use an https address on the public internet, or ask the operator to list its "
        "network in PORTWARD_OUTGOING_ALLOW."
    )


class UnreachableError(MisconfiguredError):
    """The other end did not take what was sent."""

    code = "notifications.unreachable"
    default_message = "The other end does not answer."

    def __init__(self, message: str = "", *, status: int | None = None) -> None:
        self.answered = status
        super().__init__(message)


class ChannelInvalidError(InvalidError):
    """A channel cannot be kept as it is."""

    code = "notifications.channel_invalid"
    default_message = "The channel is not valid."


class ChannelNotFoundError(NotFoundError):
    """There is no such channel in this tenant."""

    code = "notifications.channel_not_found"
    default_message = "There is no such channel here."


class ChannelStateError(ConflictError):
    """The channel does not allow this now."""

    code = "notifications.channel_state"
    default_message = "The channel does not allow this now."


class SecretUnreadableError(MisconfiguredError):
    """A sealed value cannot be opened with the installation's secrets."""

    code = "notifications.secret_unreadable"
    default_message = "The channel cannot be read: the installation's secret changed."
    default_remedy = "Enter its address again."


class DeliveryFailedError(MisconfiguredError):
    """A delivery failed; the outbox tries again."""

    code = "notifications.delivery_failed"
    default_message = "The delivery failed and is tried again."
