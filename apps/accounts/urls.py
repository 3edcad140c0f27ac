"""Addresses of one's own account."""

from __future__ import annotations

from django.urls import URLPattern, path

from apps.accounts import views

app_name = "accounts"

urlpatterns: list[URLPattern] = [
    path("account/", views.account, name="account"),
    path(
        "account/passkeys/<int:passkey_id>/remove/",
        views.remove_passkey,
        name="remove_passkey",
    ),
    path("account/tokens/", views.api_tokens, name="api_tokens"),
    path(
        "account/tokens/<uuid:token_id>/revoke/",
        views.revoke_api_token,
        name="revoke_api_token",
    ),
    path("account/tenant/", views.choose_tenant, name="choose_tenant"),
]
