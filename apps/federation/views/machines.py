"""What providers ask of us: our key, and to end sessions."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import PortwardError
from apps.federation import adapters, permissions, selectors, services
from apps.federation.choices import ClientAuth
from apps.federation.errors import LogoutRefusedError, ProviderNotFoundError
from apps.limits.permissions import address_of
from apps.limits.services import note_refusal

_BAD_REQUEST = 400


@require_safe
def keys(_request: HttpRequest, tenant_slug: str, provider_slug: str) -> HttpResponse:
    """Publish the public half of the key that we sign in to a provider with."""
    try:
        provider = selectors.find_provider(tenant_slug, provider_slug)
    except ProviderNotFoundError as error:
        return JsonResponse(error.as_dict(), status=error.status)
    found = (
        [adapters.own_jwk(provider.key_reference)]
        if provider.client_auth == ClientAuth.PRIVATE_KEY
        else []
    )
    return JsonResponse({"keys": found}, content_type="application/jwk-set+json")


@csrf_exempt
@require_POST
def backchannel_logout(
    request: HttpRequest, tenant_slug: str, provider_slug: str
) -> HttpResponse:
    """End the sessions that a provider's logout token names.

    The token is the proof of who asks; no cookie counts here. Back-Channel Logout 1.0,
    sections 2.5 to 2.8.
    """
    try:
        provider = selectors.find_provider(tenant_slug, provider_slug)
        values = request.POST.getlist("logout_token")
        if len(values) != 1:
            raise LogoutRefusedError("One logout_token is needed.")
        logout = permissions.read_logout(provider, values[0])
        services.accept_logout(provider=provider, logout=logout)
    except PortwardError as error:
        note_refusal(code=error.code, address=address_of(request))
        answer: HttpResponse = JsonResponse(
            {"error": "invalid_request", "error_description": error.message},
            status=_BAD_REQUEST,
        )
    else:
        answer = HttpResponse(status=200)
    answer.headers["Cache-Control"] = "no-store"
    return answer
