"""Security headers on every answer, whoever makes it."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.security import SecurityMiddleware
from typing_extensions import override

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
PERMISSIONS_POLICY = (
    "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
    "magnetometer=(), microphone=(), payment=(), usb=(), "
    "publickey-credentials-create=(self), publickey-credentials-get=(self)"
)


class HeadersMiddleware(SecurityMiddleware):
    """Add Django's security headers and ours; stands outside of everything else.

    A view may set a header of its own, which then stays.
    """

    @override
    def process_request(self, request: HttpRequest) -> None:
        """Leave the redirect to https to Django's own middleware."""

    @override
    def process_response(
        self, request: HttpRequest, response: HttpResponse
    ) -> HttpResponse:
        """Complete the headers of an answer."""
        answer = super().process_response(request, response)
        headers = answer.headers
        headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if not _may_be_kept(request, answer):
            headers["Cache-Control"] = "no-store"
        return answer


def _may_be_kept(request: HttpRequest, answer: HttpResponse) -> bool:
    """Say whether an answer is a file of ours, or names its own rule for caches."""
    rule = answer.headers.get("Cache-Control", "")
    if "no-store" in rule:
        return True
    is_file = request.path.startswith(settings.STATIC_URL)
    return is_file or "public" in rule
