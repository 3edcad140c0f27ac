"""Who is at the other end: what proves a client, and tokens at the API.

RFC 6750, RFC 9068 for tokens; RFC 7523, RFC 8705 and RFC 9440 for clients.
"""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.request import Request
from typing_extensions import override

from apps.accounts.authentication import (
    BearerAuthentication,
    BearerRefused,
    scopes_asked,
)
from apps.accounts.choices import Scope
from apps.accounts.models import User
from apps.accounts.services import TokenHolder
from apps.clients import services
from apps.clients.errors import AccessTokenRefusedError, OAuthRequestError
from apps.clients.models import ApiClient
from apps.clients.rules import certificates
from apps.clients.rules.addresses import Addresses
from apps.limits.permissions import address_of
from apps.limits.services import note_refusal

logger = logging.getLogger(__name__)
# The names that proxies pass a client's certificate on under (RFC 9440 and habit).
CERTIFICATE_HEADERS = (
    *("Client-Cert", "X-Client-Cert", "X-SSL-Client-Cert", "SSL-Client-Cert"),
    *("X-Forwarded-Client-Cert", "X-Forwarded-Tls-Client-Cert"),
)


def addresses() -> Addresses:
    """Return our addresses; the Host header has no say in them."""
    return Addresses(settings.PORTWARD_WEB_URL)


def certificate_of(request: HttpRequest) -> certificates.Certificate | None:
    """Return the certificate that our proxy saw, or None.

    Only the one header of the settings is believed, and only behind a proxy that sets
    or removes it. Any other header of that kind is refused: whoever sends one expects
    it to count, or tries. Raises OAuthRequestError.
    """
    header = settings.PORTWARD_CLIENT_CERT_HEADER
    believed = bool(header) and settings.PORTWARD_TRUSTED_PROXIES > 0
    for name in {*CERTIFICATE_HEADERS, *([header] if header else [])}:
        is_ours = believed and name.lower() == header.lower()
        if name in request.headers and not is_ours:
            raise OAuthRequestError(f"The header {name} is not accepted here.")
    value = request.headers.get(header, "") if believed else ""
    if not value:
        return None
    try:
        return certificates.read(value)
    except certificates.CertificateRefusedError as error:
        raise OAuthRequestError(str(error)) from error


def surroundings_of(request: HttpRequest) -> services.Surroundings:
    """Return where and when a token is shown."""
    return services.Surroundings(
        addresses=addresses(),
        address=address_of(request),
        certificate=certificate_of(request),
        now=timezone.now(),
    )


def parameter(request: HttpRequest, name: str, *, is_required: bool = False) -> str:
    """Return a parameter of the body that comes once (RFC 6749, section 3.2).

    Raises OAuthRequestError.
    """
    values = request.POST.getlist(name)
    if len(values) > 1 or (is_required and not (values and values[0])):
        problem = "repeats" if values else "lacks"
        raise OAuthRequestError(f"The request {problem} {name}.")
    return values[0] if values else ""


def client_of(request: HttpRequest) -> ApiClient:
    """Return the client that the request proves. Raises InvalidClientError."""
    presented = services.Presented(
        client_id=parameter(request, "client_id"),
        assertion_type=parameter(request, "client_assertion_type"),
        assertion=parameter(request, "client_assertion"),
        certificate=certificate_of(request),
        address=address_of(request),
    )
    return services.authenticate_client(
        presented=presented, addresses=addresses(), now=timezone.now()
    )


def brings_client(request: HttpRequest) -> bool:
    """Say whether a request tries to prove a client at all."""
    return any(name in request.POST for name in ("client_id", "client_assertion"))


class AccessTokenAuthentication(BearerAuthentication):
    """Accept `Authorization: Bearer` with a JWT that our token endpoint gave.

    It comes after the personal tokens, so what it does not know is refused.
    """

    @override
    def authenticate(
        self, request: Request
    ) -> tuple[User | AnonymousUser, TokenHolder] | None:
        """Return who the token speaks for; nobody in person for a client's own."""
        token = self.bearer_token(request)
        if not token:
            return None
        try:
            holder = services.authenticate_access_token(
                token,
                surroundings_of(request._request),  # noqa: SLF001  # DRF offers no other way
            )
        except (AccessTokenRefusedError, OAuthRequestError) as error:
            # The reason is for whoever runs the portal, not for whoever tries.
            logger.info("access token refused: %s", error.message)
            note_refusal(code=error.code, address=address_of(request))
            raise BearerRefused from error
        return holder.user or AnonymousUser(), holder


class AccessTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself
    """How the OpenAPI document describes access tokens."""

    target_class = "apps.clients.authentication.AccessTokenAuthentication"
    name = "accessToken"

    @override
    def get_security_definition(self, auto_schema: object) -> dict[str, object]:
        flow = {"tokenUrl": addresses().token_endpoint, "scopes": dict(Scope.choices)}
        return {
            "type": "oauth2",
            "flows": {"clientCredentials": flow},
            "description": (
                "An access token (RFC 9068) for an API client that proves itself by a "
                "signed assertion or a certificate, or one that a personal token was "
                "exchanged for (RFC 8693). What the token endpoint takes stands at "
                "/.well-known/oauth-authorization-server/oauth/SLUG (RFC 8414)."
            ),
        }

    @override
    def get_security_requirement(
        self,
        auto_schema: Any,
    ) -> dict[str, list[str]]:
        return {self.name: scopes_asked(auto_schema)}
