"""Addresses of what changes would do."""

from django.contrib import admin
from django.urls import path

from apps.simulation import views

app_name = "simulation"
urlpatterns = [
    path("admin/impact/", admin.site.admin_view(views.overview), name="overview"),
    path("admin/impact/measure/", admin.site.admin_view(views.measure), name="measure"),
    path(
        "admin/impact/<uuid:pk>/",
        admin.site.admin_view(views.evidence),
        name="evidence",
    ),
    path(
        "admin/impact/<uuid:pk>/progress/",
        admin.site.admin_view(views.progress),
        name="progress",
    ),
    path(
        "admin/impact/<uuid:pk>/again/",
        admin.site.admin_view(views.again),
        name="again",
    ),
]
