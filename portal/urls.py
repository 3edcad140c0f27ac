"""Addresses of the portal."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView


@require_safe
def health(_request: HttpRequest) -> HttpResponse:
    """Answer that the process lives; asks nothing of database or broker."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
def favicon(_request: HttpRequest) -> HttpResponse:
    """Lead browsers that ask for the old name to our mark."""
    return redirect(static("portal/mark.svg"), permanent=True)


urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health, name="healthz"),
    path("favicon.ico", favicon, name="favicon"),
    path(
        "",
        require_safe(RedirectView.as_view(pattern_name="admin:index")),
        name="home",
    ),
    path("", include("apps.accounts.urls")),
    path("", include("apps.signin.urls")),
    path("", include("apps.clients.urls")),
    path("", include("apps.federation.urls")),
    path("", include("apps.breakglass.urls")),
    path("", include("apps.roles.urls")),
    path("", include("apps.delegations.urls")),
    path("", include("apps.reviews.urls")),
    path("", include("apps.notifications.urls")),
    path("", include("apps.approvals.urls")),
    path("", include("apps.arap.urls")),
    path("api/", include("portal.api")),
    path("admin/access/grants/", include("apps.distribution.urls")),
    path("", include("apps.dashboard.urls")),
    path("", include("apps.policies.urls")),
    path("", include("apps.simulation.urls")),
    path("admin/", admin.site.urls),
]
