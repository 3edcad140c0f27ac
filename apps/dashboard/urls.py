"""Addresses below /admin/fleet/."""

from django.contrib import admin
from django.urls import path

from apps.dashboard import views

app_name = "dashboard"
urlpatterns = [
    path("", admin.site.admin_view(views.fleet), name="fleet"),
    path("live/", admin.site.admin_view(views.fleet_live), name="fleet-live"),
]
