"""Addresses of one's own rights on objects."""

from __future__ import annotations

from django.urls import URLPattern, path

from apps.roles import views

app_name = "objects"
urlpatterns: list[URLPattern] = [
    path("access/administering/", views.administering, name="administering"),
]
