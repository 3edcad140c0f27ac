"""Addresses of one's own access, and of what one decides."""

from __future__ import annotations

from django.urls import URLPattern, path

from apps.approvals import views
from apps.approvals.admin import own

app_name = "access"
_REQUEST = "access/requests/<uuid:request_id>/"
_ONE = "access/elevations/<uuid:elevation_id>/"

urlpatterns: list[URLPattern] = [
    path("access/", views.home, name="home"),
    path("access/current/", views.current, name="current"),
    path("access/live/", views.live, name="live"),
    path("access/requests/", own.requests, name="requests"),
    path(_REQUEST, own.decide, name="decide"),
    path(f"{_REQUEST}evidence/", own.prove, name="prove"),
    path(f"{_REQUEST}evidence/progress/", own.progress, name="progress"),
    path(f"{_REQUEST}vote/options/", own.vote_options, name="vote_options"),
    path(f"{_REQUEST}vote/", own.vote, name="vote"),
    path("access/request/<uuid:eligibility_id>/", views.request_access, name="request"),
    path(_ONE, views.detail, name="elevation"),
    path(f"{_ONE}state/", views.state, name="state"),
    path(f"{_ONE}activate/", views.activate, name="activate"),
    path(f"{_ONE}extend/", views.extend, name="extend"),
    path(f"{_ONE}cancel/", views.cancel, name="cancel"),
    path(f"{_ONE}end/", views.end, name="end"),
]
