"""One's own accounts at identity providers: link and unlink."""

from __future__ import annotations

import uuid

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.permissions import actor_of, user_of, verified
from apps.core.errors import PortwardError
from apps.federation import permissions, selectors, services
from apps.federation.models import FederatedLink
from apps.tenants.services import current_tenant_id


@never_cache
@verified
@require_safe
def own_links(request: HttpRequest) -> HttpResponse:
    """List what a person can sign in by besides their passkeys."""
    if current_tenant_id() is None:
        return redirect("accounts:choose_tenant")
    user = user_of(request)
    links = FederatedLink.objects.filter(user=user).select_related("provider")
    linked = {link.provider_id for link in links}
    context = {
        **admin.site.each_context(request),
        "title": "Sign-in by your organization",
        "links": links,
        "open_providers": [
            provider
            for provider in selectors.active_providers()
            if provider.pk not in linked
        ],
    }
    return render(request, "federation/own_links.html", context)


@never_cache
@verified
@require_POST
def begin_link(request: HttpRequest, provider_id: uuid.UUID) -> HttpResponse:
    """Show the way to a provider; the person has confirmed it with their passkey.

    A page with a link, since our forms do not lead to other places.
    """
    if current_tenant_id() is None:
        return redirect("accounts:choose_tenant")
    provider = selectors.active_providers().filter(pk=provider_id).first()
    if provider is None:
        messages.error(request, "Nobody can sign in by this provider.")
        return redirect("federation:own_links")
    try:
        address = permissions.ask(
            request,
            provider,
            target=reverse("federation:own_links"),
            user=user_of(request),
        )
    except PortwardError as error:
        messages.error(request, f"{error.message} {error.remedy}")
        return redirect("federation:own_links")
    context = {
        **admin.site.each_context(request),
        "title": f"Link your account at {provider.name}",
        "provider": provider,
        "address": address,
    }
    return render(request, "federation/begin_link.html", context)


@never_cache
@verified
@require_POST
def end_link(request: HttpRequest, link_id: uuid.UUID) -> HttpResponse:
    """Remove one of a person's own links."""
    if current_tenant_id() is None:
        return redirect("accounts:choose_tenant")
    try:
        services.unlink(actor=actor_of(request), link_id=link_id, user=user_of(request))
        messages.success(request, "The account is no longer linked.")
    except PortwardError as error:
        messages.error(request, f"{error.message} {error.remedy}".strip())
    return redirect("federation:own_links")
