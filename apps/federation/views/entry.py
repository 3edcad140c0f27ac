"""Choose a provider, go there, come back, and go out: parse, call, render."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.accounts import services as accounts
from apps.accounts.permissions import is_signed_in
from apps.core.errors import PortwardError, status_of
from apps.core.views import next_address, own_address
from apps.federation import adapters, permissions, selectors, services
from apps.federation.choices import Purpose
from apps.federation.errors import (
    ProviderNotFoundError,
    SignInRefusedError,
    StateRefusedError,
)
from apps.federation.models import IdentityProvider
from apps.federation.services import Attempt
from apps.limits.permissions import address_of
from apps.limits.services import note_refusal

_ENROLL = "enroll"


@never_cache
@require_safe
def organization(request: HttpRequest) -> HttpResponse:
    """Lead from the short name of an organization to its page."""
    slug = slugify(request.GET.get("tenant", ""))[:40]
    if not slug:
        return redirect("admin:login")
    kept = {
        name: request.GET[name]
        for name in (REDIRECT_FIELD_NAME, _ENROLL)
        if request.GET.get(name)
    }
    address = reverse("federation:choices", args=[slug])
    return redirect(f"{address}?{urlencode(kept)}" if kept else address)


@never_cache
@require_safe
def choices(request: HttpRequest, tenant_slug: str) -> HttpResponse:
    """Show how the people of an organization can sign in.

    One that does not exist looks exactly like one that has no provider.
    """
    query = {REDIRECT_FIELD_NAME: next_address(request)}
    if token := request.GET.get(_ENROLL, ""):
        query[_ENROLL] = token
    context = {
        "title": "Sign in with your organization",
        "slug": tenant_slug,
        "providers": selectors.sign_in_choices(tenant_slug),
        "query": urlencode(query),
    }
    return render(request, "federation/choices.html", context)


@never_cache
@require_safe
def start(request: HttpRequest, tenant_slug: str, provider_slug: str) -> HttpResponse:
    """Send the browser to a provider.

    A link and not a form: our pages may not send forms to other places.
    """
    try:
        provider = selectors.find_provider(tenant_slug, provider_slug)
        user, link_id, target = None, None, next_address(request)
        if token := request.GET.get(_ENROLL, ""):
            link = accounts.open_link(token)
            user, link_id = link.user, link.pk
            target = reverse("signin:enroll", args=[token])
        address = permissions.ask(
            request, provider, target=target, user=user, enrollment_link_id=link_id
        )
    except PortwardError as error:
        return _refused(request, error, tenant_slug)
    return redirect(address)


@never_cache
@require_safe
def callback(
    request: HttpRequest, tenant_slug: str, provider_slug: str
) -> HttpResponse:
    """Take a provider's answer, and let in whom it vouches for."""
    try:
        provider = selectors.find_provider(tenant_slug, provider_slug)
        attempt = permissions.take(request, provider)
        _check_person(request, attempt)
    except PortwardError as error:
        return _refused(request, error, tenant_slug)
    subject = ""
    try:
        subject, claims = permissions.receive(request, provider, attempt)
        admission = services.admit(
            provider=provider, attempt=attempt, subject=subject, claims=claims
        )
    except PortwardError as error:
        if isinstance(error, SignInRefusedError):
            services.note_refusal(provider=provider, error=error, subject=subject)
        return _refused(request, error, tenant_slug)
    if attempt.purpose is Purpose.LINK:
        messages.success(request, f"Your account at {provider.name} is linked.")
    else:
        permissions.let_in(request, provider, admission, subject=subject, claims=claims)
    return redirect(own_address(request, attempt.next))


@never_cache
@require_safe
def signed_out(
    request: HttpRequest, tenant_slug: str, provider_slug: str
) -> HttpResponse:
    """Say that the session here is over, and offer to end the provider's too."""
    provider: IdentityProvider | None = None
    address = ""
    try:
        provider = selectors.find_provider(tenant_slug, provider_slug)
        back = f"{selectors.addresses(provider).signed_out}?everywhere=1"
        address = adapters.end_session_url(provider, back=back)
    except ProviderNotFoundError:
        return redirect("admin:login")
    context = {
        "title": "You are signed out",
        "provider": provider,
        "address": "" if "everywhere" in request.GET else address,
        "is_everywhere": "everywhere" in request.GET,
    }
    return render(request, "federation/signed_out.html", context)


def _check_person(request: HttpRequest, attempt: Attempt) -> None:
    """Hold the answer to the person who asked for a link, who must still be there."""
    if attempt.purpose is not Purpose.LINK or attempt.user is None:
        return
    if not is_signed_in(request) or request.user.pk != attempt.user.pk:
        raise StateRefusedError


def _refused(
    request: HttpRequest, error: PortwardError, tenant_slug: str
) -> HttpResponse:
    note_refusal(code=error.code, address=address_of(request))
    context = {"title": "Not signed in", "error": error, "slug": tenant_slug}
    return render(request, "federation/refused.html", context, status=status_of(error))
