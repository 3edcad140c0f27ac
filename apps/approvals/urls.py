"""Addresses of one's own access."""

from __future__ import annotations

from django.urls import URLPattern, path

from apps.approvals import views

app_name = "access"
_ONE = "access/elevations/<uuid:elevation_id>/"

urlpatterns: list[URLPattern] = [
    path("access/", views.home, name="home"),
    path("access/current/", views.current, name="current"),
    path("access/live/", views.live, name="live"),
    path("access/request/<uuid:eligibility_id>/", views.request_access, name="request"),
    path(_ONE, views.detail, name="elevation"),
    path(f"{_ONE}state/", views.state, name="state"),
    path(f"{_ONE}activate/", views.activate, name="activate"),
    path(f"{_ONE}extend/", views.extend, name="extend"),
    path(f"{_ONE}cancel/", views.cancel, name="cancel"),
    path(f"{_ONE}end/", views.end, name="end"),
]
