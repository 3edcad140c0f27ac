"""Addresses of one's own notifications."""

from __future__ import annotations

from django.urls import URLPattern, path

from apps.notifications import views

app_name = "notifications"

urlpatterns: list[URLPattern] = [
    path("account/notifications/", views.inbox, name="inbox"),
    path("account/notifications/read/", views.read_all, name="read_all"),
    path("account/notifications/<uuid:notification_id>/", views.open_one, name="open"),
    path("account/notifications/<uuid:notification_id>/read/", views.read, name="read"),
]
