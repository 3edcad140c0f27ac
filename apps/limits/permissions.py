"""Whose address a request comes from."""

from __future__ import annotations

from django.http import HttpRequest

from apps.limits import rules
from apps.limits.selectors import trusted_proxies


def address_of(request: HttpRequest) -> str:
    """Return the address of the client, in its normal form.

    Raises ForwardedUntrustedError, ForwardedInvalidError and AddressUnknownError.
    """
    known = getattr(request, "client_address", "")
    return str(known) if known else resolve_address(request)


def resolve_address(request: HttpRequest) -> str:
    """Read the address from the connection and what the trusted proxies appended."""
    return rules.client_address(
        request.META.get("REMOTE_ADDR", ""),
        request.META.get("HTTP_X_FORWARDED_FOR"),
        trusted_proxies(),
    )
