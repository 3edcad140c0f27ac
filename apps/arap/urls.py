"""Addresses of requests for access. Machine routes have no trailing slash."""

from __future__ import annotations

from django.urls import URLPattern, path

from apps.arap import api

app_name = "arap"

urlpatterns: list[URLPattern] = [
    path("access/v1/requests", api.Requests.as_view(), name="requests"),
    path("access/v1/requests/<uuid:pk>", api.Task.as_view(), name="task"),
    path("access/v1/requests/<uuid:pk>/cancel", api.Cancel.as_view(), name="cancel"),
]
