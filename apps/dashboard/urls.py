"""Addresses of the fleet, of who may do what, and why."""

from django.contrib import admin
from django.urls import path

from apps.dashboard.views import access, exports, fleet, own, simulator, standing

app_name = "dashboard"
urlpatterns = [
    path("admin/fleet/", admin.site.admin_view(fleet.fleet), name="fleet"),
    path(
        "admin/fleet/live/",
        admin.site.admin_view(fleet.fleet_live),
        name="fleet-live",
    ),
    path(
        "admin/access/explain/",
        admin.site.admin_view(access.explain),
        name="explain",
    ),
    path("admin/access/who/", admin.site.admin_view(access.who), name="who"),
    path("admin/access/what/", admin.site.admin_view(access.what), name="what"),
    path(
        "admin/simulator/",
        admin.site.admin_view(simulator.simulator),
        name="simulator",
    ),
    path(
        "admin/simulator/test/",
        admin.site.admin_view(simulator.save_test),
        name="save-test",
    ),
    path(
        "admin/exports/",
        admin.site.admin_view(exports.exports),
        name="exports",
    ),
    path(
        "admin/exports/<int:revision>/<slug:target>/<str:name>",
        admin.site.admin_view(exports.download),
        name="export-file",
    ),
    path(
        "admin/access/standing/",
        admin.site.admin_view(standing.standing),
        name="standing",
    ),
    path(
        "admin/access/standing/<uuid:role_id>/",
        admin.site.admin_view(standing.convert),
        name="convert",
    ),
    path("access/why/", own.why, name="why"),
]
