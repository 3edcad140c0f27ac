"""Failures of break-glass accounts."""

from __future__ import annotations

from apps.core.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError


class AccountNotFoundError(NotFoundError):
    """There is no such break-glass account."""

    code = "breakglass.account_not_found"
    default_message = "There is no such break-glass account."


class GlassInvalidError(InvalidError):
    """What was asked of a break-glass account cannot be."""

    code = "breakglass.invalid"


class GlassStateError(ConflictError):
    """The account's state does not allow this."""

    code = "breakglass.state"
    default_remedy = "Look at its page for what is due."


class NotProvenError(ForbiddenError):
    """The act was not signed by a passkey."""

    code = "breakglass.not_proven"
    default_message = "This has to be signed with a passkey."


class OwnActivationError(ForbiddenError):
    """Another person has to do this."""

    code = "breakglass.own_activation"
    default_message = "Who used the account cannot close the review."
    default_remedy = "Ask another security admin."
