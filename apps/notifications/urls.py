"""Addresses of one's own notifications, and of operations."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from apps.notifications.views import operations, own

app_name = "notifications"

urlpatterns: list[URLPattern] = [
    path("account/notifications/", own.inbox, name="inbox"),
    path("account/notifications/preferences/", own.preferences, name="preferences"),
    path(
        "admin/dependencies/",
        admin.site.admin_view(operations.dependencies),
        name="dependencies",
    ),
    path("account/notifications/read/", own.read_all, name="read_all"),
    path("account/notifications/<uuid:notification_id>/", own.open_one, name="open"),
    path("account/notifications/<uuid:notification_id>/read/", own.read, name="read"),
]
