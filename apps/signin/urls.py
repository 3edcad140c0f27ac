"""Addresses of sign-in, confirmation, and one's own sessions."""

from __future__ import annotations

from django.urls import URLPattern, path

from apps.signin.views import confirm, entry, fallback, own

app_name = "signin"

urlpatterns: list[URLPattern] = [
    path("enroll/<str:token>/", entry.enroll, name="enroll"),
    path("auth/login/options/", entry.login_options, name="login_options"),
    path("auth/login/verify/", entry.login_verify, name="login_verify"),
    path("auth/fallback/", fallback.fallback, name="fallback"),
    path(
        "auth/operations/<uuid:operation_id>/code/",
        fallback.confirm_by_code,
        name="confirm_by_code",
    ),
    path(
        "auth/registration/options/",
        entry.registration_options,
        name="registration_options",
    ),
    path(
        "auth/registration/verify/",
        entry.registration_verify,
        name="registration_verify",
    ),
    path("auth/state/", own.state, name="state"),
    path("auth/confirm/", confirm.confirm_presence, name="confirm_presence"),
    path("auth/elevation/end/", confirm.end_elevation, name="end_elevation"),
    path("auth/operations/<uuid:operation_id>/", confirm.confirm_page, name="confirm"),
    path(
        "auth/operations/<uuid:operation_id>/options/",
        confirm.confirm_options,
        name="confirm_options",
    ),
    path(
        "auth/operations/<uuid:operation_id>/verify/",
        confirm.confirm,
        name="confirm_verify",
    ),
    path("auth/frozen/<uuid:freeze_id>/appeal/", own.appeal, name="appeal"),
    path(
        "account/passkeys/<int:passkey_id>/remove/",
        own.remove_passkey,
        name="remove_passkey",
    ),
    path("account/sessions/", own.sessions_page, name="sessions"),
    path("account/sessions/others/end/", own.end_others, name="end_others"),
    path("account/sessions/<uuid:sign_in_id>/end/", own.end_one, name="end_session"),
    path("account/devices/<uuid:device_id>/trust/", own.trust, name="trust_device"),
    path("account/devices/<uuid:device_id>/forget/", own.forget, name="forget_device"),
]
