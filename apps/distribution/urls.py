"""Addresses below /admin/access/grants/."""

from django.contrib import admin
from django.urls import path

from apps.distribution import views

app_name = "distribution"
urlpatterns = [
    path("", admin.site.admin_view(views.grants), name="grants"),
    path("<uuid:elevation_id>/", admin.site.admin_view(views.grant), name="grant"),
    path(
        "<uuid:elevation_id>/live/",
        admin.site.admin_view(views.grant_live),
        name="grant_live",
    ),
    path(
        "<uuid:elevation_id>/end/",
        admin.site.admin_view(views.end_grant),
        name="end_grant",
    ),
]
