"""Addresses of one's own account."""

from __future__ import annotations

from django.urls import URLPattern, path

from apps.accounts import views

app_name = "accounts"

urlpatterns: list[URLPattern] = [
    path("account/", views.account, name="account"),
    path(
        "account/passkeys/<int:passkey_id>/rename/",
        views.rename_passkey,
        name="rename_passkey",
    ),
    path("account/tokens/", views.api_tokens, name="api_tokens"),
    path(
        "account/tokens/<uuid:token_id>/revoke/",
        views.revoke_api_token,
        name="revoke_api_token",
    ),
    path("account/authenticators/", views.new_code_device, name="new_code_device"),
    path(
        "account/authenticators/<int:device_id>/confirm/",
        views.confirm_code_device,
        name="confirm_code_device",
    ),
    path(
        "account/authenticators/<int:device_id>/remove/",
        views.remove_code_device,
        name="remove_code_device",
    ),
    path("account/recovery-codes/", views.recovery_codes, name="recovery_codes"),
    path("account/password/", views.set_password, name="set_password"),
    path("account/password/remove/", views.remove_password, name="remove_password"),
    path("account/tenant/", views.choose_tenant, name="choose_tenant"),
]
