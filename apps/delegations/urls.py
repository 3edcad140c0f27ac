"""Addresses for lending and standing in."""

from __future__ import annotations

from django.urls import URLPattern, path

from apps.delegations import views

app_name = "delegations"

urlpatterns: list[URLPattern] = [
    path("access/delegations/", views.overview, name="overview"),
    path("access/delegations/lend/", views.lend, name="lend"),
    path("access/delegations/<uuid:pk>/accept/", views.accept, name="accept"),
    path("access/delegations/<uuid:pk>/decline/", views.decline, name="decline"),
    path("access/delegations/<uuid:pk>/end/", views.revoke, name="revoke"),
    path("access/absences/new/", views.be_absent, name="be_absent"),
    path(
        "access/absences/<uuid:pk>/accept/", views.accept_absence, name="accept_absence"
    ),
    path(
        "access/absences/<uuid:pk>/decline/",
        views.decline_absence,
        name="decline_absence",
    ),
    path("access/absences/<uuid:pk>/end/", views.end_absence, name="end_absence"),
]
