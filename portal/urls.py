"""Addresses of the portal."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path


def health(_request: HttpRequest) -> HttpResponse:
    """Answer that the process lives; asks nothing of database or broker."""
    return HttpResponse("ok", content_type="text/plain")


urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health, name="healthz"),
    path("admin/", admin.site.urls),
]
