"""Whose request it is, and under which name it came."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

from apps.core.errors import PortwardError
from apps.limits import rules, services
from apps.limits.errors import HostRefusedError
from apps.limits.middleware.answers import refuse
from apps.limits.permissions import resolve_address

# The health check comes from the machine itself, past every proxy.
HEALTH_PATH = "/healthz"


class ClientMiddleware:
    """Refuse requests whose address or host name is forged; keep the address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer with `request.client_address` set."""
        try:
            request.client_address = _address(request)  # type: ignore[attr-defined]  # read by address_of
            _refuse_forged_host(request)
        except PortwardError as error:
            services.note_refusal(code=error.code, address=_connection(request))
            return refuse(request, error)
        return self._get_response(request)


def _address(request: HttpRequest) -> str:
    if request.path == HEALTH_PATH:
        return _connection(request)
    return resolve_address(request)


def _connection(request: HttpRequest) -> str:
    with contextlib.suppress(PortwardError):
        return rules.client_address(request.META.get("REMOTE_ADDR", ""), None, 0)
    return ""


def _refuse_forged_host(request: HttpRequest) -> None:
    try:
        request.get_host()
    except DisallowedHost as error:
        raise HostRefusedError from error
