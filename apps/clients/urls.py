"""Addresses of OAuth. Machine routes have no trailing slash."""

from __future__ import annotations

from django.urls import URLPattern, path

from apps.clients import views

app_name = "clients"

urlpatterns: list[URLPattern] = [
    path("oauth/token", views.token, name="token"),
    path("oauth/revoke", views.revoke, name="revoke"),
    path("oauth/introspect", views.introspect, name="introspect"),
    path("oauth/<slug:slug>/jwks", views.jwks, name="jwks"),
    path(
        ".well-known/oauth-authorization-server/oauth/<slug:slug>",
        views.metadata,
        name="metadata",
    ),
]
