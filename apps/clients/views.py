"""The endpoints of OAuth: parse, one service call, answer as the RFC says."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.choices import Scope
from apps.audit.events import Actor
from apps.clients import adapters, selectors, services
from apps.clients.authentication import (
    addresses,
    brings_client,
    certificate_of,
    client_of,
    parameter,
    surroundings_of,
)
from apps.clients.choices import GrantType, TokenType
from apps.clients.errors import (
    InvalidClientError,
    InvalidGrantError,
    InvalidTargetError,
    OAuthError,
    OAuthRequestError,
    UnsupportedGrantTypeError,
)
from apps.clients.rules import access_tokens
from apps.core.errors import status_of
from apps.keys.tasks import ensure_token_keys
from apps.limits.permissions import address_of
from apps.limits.services import note_refusal
from apps.tenants.services import tenant_scope

logger = logging.getLogger(__name__)
# How long others may keep the key set; the next key is published for longer before.
KEY_SET_AGE = 900
_ACTOR = Actor.system("clients")
_FORM = "application/x-www-form-urlencoded"

_SUSPICIOUS = {InvalidClientError.oauth, InvalidGrantError.oauth}

View = Callable[..., HttpResponse]


def _endpoint(view: View) -> View:
    """Take a form without cookies; answer refusals as RFC 6749, section 5.2 says."""

    @functools.wraps(view)
    def inner(request: HttpRequest) -> HttpResponse:
        response: HttpResponse
        try:
            if request.content_type != _FORM:
                raise OAuthRequestError(f"Send a body of {_FORM}.")
            response = view(request)
        except OAuthError as error:
            logger.info("%s: %s", error.code, error.message)
            if error.oauth in _SUSPICIOUS:
                note_refusal(code=error.code, address=address_of(request))
            response = JsonResponse(
                {"error": error.oauth, "error_description": error.message},
                status=status_of(error),
            )
            if error.oauth == InvalidClientError.oauth:
                response["WWW-Authenticate"] = 'Bearer realm="portward"'
        response["Cache-Control"] = "no-store"
        response["Pragma"] = "no-cache"
        return response

    # Proof travels in the body and no cookie counts, so there is nothing to forge.
    return csrf_exempt(require_POST(inner))


@_endpoint
def token(request: HttpRequest) -> HttpResponse:
    """Give an access token to a client, or for a personal token."""
    match parameter(request, "grant_type", is_required=True):
        case GrantType.CLIENT_CREDENTIALS:
            return _for_client(request)
        case GrantType.TOKEN_EXCHANGE:
            return _for_person(request)
        case _:
            raise UnsupportedGrantTypeError


@_endpoint
def revoke(request: HttpRequest) -> HttpResponse:
    """End an access token (RFC 7009)."""
    text = parameter(request, "token", is_required=True)
    client = client_of(request) if brings_client(request) else None
    services.revoke_access_token(
        client=client, token=text, around=surroundings_of(request)
    )
    return HttpResponse(status=200)


@_endpoint
def introspect(request: HttpRequest) -> HttpResponse:
    """Tell a client of the tenant what a token says (RFC 7662)."""
    text = parameter(request, "token", is_required=True)
    return JsonResponse(
        services.introspect(
            client=client_of(request), token=text, around=surroundings_of(request)
        )
    )


@require_safe
def jwks(_request: HttpRequest, slug: str) -> HttpResponse:
    """Publish the keys that a tenant's access tokens may bear (RFC 7517, section 5)."""
    tenant = selectors.tenant_called(slug)
    if tenant is None:
        raise Http404
    with tenant_scope(tenant.pk):
        keys = selectors.public_keys(timezone.now())
    response = JsonResponse(
        {"keys": [{**key.as_jwk(), "alg": key.algorithms[0]} for key in keys]},
        content_type="application/jwk-set+json",
    )
    return _public(response)


@require_safe
def metadata(_request: HttpRequest, slug: str) -> HttpResponse:
    """Publish what clients of a tenant may know beforehand (RFC 8414)."""
    if selectors.tenant_called(slug) is None:
        raise Http404
    return _public(JsonResponse(addresses().metadata(slug, sorted(Scope.values))))


def _for_client(request: HttpRequest) -> HttpResponse:
    client = client_of(request)
    wanted = parameter(request, "scope")
    _check_target(request)
    ensure_token_keys(actor=_ACTOR, tenant_id=client.tenant_id)
    with tenant_scope(client.tenant_id):
        grant = services.grant_to_client(
            client=client,
            certificate=certificate_of(request),
            wanted=wanted,
            addresses=addresses(),
            now=timezone.now(),
        )
    return _answer(grant)


def _for_person(request: HttpRequest) -> HttpResponse:
    subject = parameter(request, "subject_token", is_required=True)
    kind = parameter(request, "subject_token_type", is_required=True)
    wanted_kind = parameter(request, "requested_token_type") or TokenType.ACCESS_TOKEN
    if kind != TokenType.ACCESS_TOKEN or wanted_kind not in set(TokenType):
        raise OAuthRequestError("Exchange a personal token for an access token.")
    if parameter(request, "actor_token"):
        raise OAuthRequestError("Nobody acts for somebody else here.")
    wanted = parameter(request, "scope")
    _check_target(request)
    holder = services.believe_personal_token(token=subject, address=address_of(request))
    ensure_token_keys(actor=_ACTOR, tenant_id=holder.tenant_id)
    with tenant_scope(holder.tenant_id):
        grant = services.grant_to_person(
            holder=holder,
            certificate=certificate_of(request),
            wanted=wanted,
            addresses=addresses(),
            now=timezone.now(),
        )
    return _answer(grant, issued_token_type=str(wanted_kind))


def _check_target(request: HttpRequest) -> None:
    for name in ("resource", "audience"):
        if parameter(request, name) not in {"", addresses().audience}:
            raise InvalidTargetError


def _answer(grant: services.Grant, **extra: str) -> HttpResponse:
    return JsonResponse(
        {
            "access_token": adapters.sign_access_token(grant.key, grant.claims),
            "token_type": "Bearer",
            "expires_in": int(access_tokens.LIFETIME.total_seconds()),
            "scope": grant.scope,
            **extra,
        }
    )


def _public(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = f"public, max-age={KEY_SET_AGE}"
    response["Access-Control-Allow-Origin"] = "*"
    return response
