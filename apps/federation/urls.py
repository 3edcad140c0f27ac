"""Addresses of the app."""

from __future__ import annotations

from django.urls import URLPattern, path

from apps.federation.views import entry, machines, own

app_name = "federation"

_PROVIDER = "auth/oidc/<slug:tenant_slug>/<slug:provider_slug>"

urlpatterns: list[URLPattern] = [
    path("auth/oidc/", entry.organization, name="organization"),
    path("auth/oidc/<slug:tenant_slug>/", entry.choices, name="choices"),
    path(f"{_PROVIDER}/start", entry.start, name="start"),
    path(f"{_PROVIDER}/callback", entry.callback, name="callback"),
    path(f"{_PROVIDER}/signed-out/", entry.signed_out, name="signed_out"),
    path(f"{_PROVIDER}/keys", machines.keys, name="keys"),
    path(
        f"{_PROVIDER}/backchannel-logout",
        machines.backchannel_logout,
        name="backchannel_logout",
    ),
    path("account/organizations/", own.own_links, name="own_links"),
    path(
        "account/organizations/<uuid:provider_id>/link/",
        own.begin_link,
        name="begin_link",
    ),
    path("account/organizations/<uuid:link_id>/unlink/", own.end_link, name="end_link"),
]
