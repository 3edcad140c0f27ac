"""Failures of the app; those of OAuth carry the code of their RFC in `oauth`."""

from __future__ import annotations

from typing import ClassVar

from apps.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    MisconfiguredError,
    NotFoundError,
    PortwardError,
)


class ClientInvalidError(InvalidError):
    """The description of a client cannot be accepted."""

    code = "clients.invalid"


class ClientNotFoundError(NotFoundError):
    """There is no such client in the tenant."""

    code = "clients.not_found"
    default_message = "There is no such client in this tenant."


class ClientNameTakenError(ConflictError):
    """Another client of the tenant has this name."""

    code = "clients.name_taken"
    default_message = "Another client has this name."
    default_remedy = "Choose another name."


class TokenKeyMissingError(MisconfiguredError):
    """The tenant has no key that signs access tokens."""

    code = "clients.token_key_missing"
    default_message = "There is no key to sign access tokens with."
    default_remedy = "Run manage.py rotate_token_keys."


class AccessTokenRefusedError(ForbiddenError):
    """An access token does not count; the message is for logs, not for the sender."""

    code = "clients.access_token_refused"
    default_message = "The access token is not accepted."
    default_remedy = "Ask for a new one at the token endpoint."


class OAuthError(PortwardError):
    """A refusal of the token endpoint, answered as RFC 6749, section 5.2 says."""

    oauth: ClassVar[str] = "invalid_request"


class OAuthRequestError(OAuthError, InvalidError):
    """A parameter is missing, repeated, malformed or unknown."""

    code = "clients.oauth_request"
    default_message = "The request lacks a parameter or repeats one."


class InvalidClientError(OAuthError, ForbiddenError):
    """The client did not prove itself."""

    oauth = "invalid_client"
    code = "clients.invalid_client"
    status = 401
    default_message = "The client did not prove itself."


class InvalidGrantError(OAuthError, InvalidError):
    """What was sent for a token is unknown, expired or revoked."""

    oauth = "invalid_grant"
    code = "clients.invalid_grant"
    default_message = "The token that was sent is unknown, expired or revoked."


class UnauthorizedClientError(OAuthError, InvalidError):
    """The client may not do this."""

    oauth = "unauthorized_client"
    code = "clients.unauthorized_client"
    default_message = "This client may not do that."


class UnsupportedGrantTypeError(OAuthError, InvalidError):
    """The grant type is not one of ours."""

    oauth = "unsupported_grant_type"
    code = "clients.unsupported_grant_type"
    default_message = "Use client_credentials or token exchange."


class InvalidScopeError(OAuthError, InvalidError):
    """A scope is unknown, or not the client's to ask for."""

    oauth = "invalid_scope"
    code = "clients.invalid_scope"
    default_message = "A scope is unknown, or not yours to ask for."


class InvalidTargetError(OAuthError, InvalidError):
    """The token is asked for something else than this API (RFC 8693, 2.2.2)."""

    oauth = "invalid_target"
    code = "clients.invalid_target"
    default_message = "Tokens are given for this API only."
