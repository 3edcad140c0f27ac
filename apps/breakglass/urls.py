"""Addresses of sealed accounts."""

from __future__ import annotations

from django.urls import URLPattern, path

from apps.breakglass import views

app_name = "breakglass"

urlpatterns: list[URLPattern] = [
    path("break-glass/", views.break_glass, name="open"),
    path("break-glass/<uuid:activation_id>/end/", views.end_now, name="end"),
    path(
        "break-glass/notices/<uuid:notice_id>/", views.acknowledge, name="acknowledge"
    ),
]
