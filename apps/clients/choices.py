"""Vocabulary of API clients and of OAuth."""

from __future__ import annotations

from enum import StrEnum

from django.db import models


class AuthMethod(models.TextChoices):
    """How a client proves itself (RFC 7591, section 2; RFC 8705, section 2)."""

    PRIVATE_KEY_JWT = "private_key_jwt", "Signed assertion (private key)"
    TLS_CLIENT_AUTH = "tls_client_auth", "Certificate of a certificate authority"
    SELF_SIGNED_TLS = "self_signed_tls_client_auth", "Self-signed certificate"


class ClientState(models.TextChoices):
    """Whether a client is given tokens, and whether those it has count."""

    ACTIVE = "active", "Active"
    SUSPENDED = "suspended", "Suspended"


class GrantType(StrEnum):
    """What may be exchanged for an access token."""

    CLIENT_CREDENTIALS = "client_credentials"
    TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  # a name


class TokenType(StrEnum):
    """Kinds of tokens in an exchange (RFC 8693, section 3)."""

    ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # a name
    JWT = "urn:ietf:params:oauth:token-type:jwt"


JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CERTIFICATE_METHODS = frozenset(
    {AuthMethod.TLS_CLIENT_AUTH, AuthMethod.SELF_SIGNED_TLS}
)
