"""Addresses of the life of policies, in the console and for who owns one."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from apps.policies import views

app_name = "policies"
_ONE = "admin/policies/policy/<uuid:pk>/"

urlpatterns: list[URLPattern] = [
    path("admin/policies/as-of/", admin.site.admin_view(views.as_of), name="as_of"),
    path("access/policies/", views.owned, name="owned"),
    path("access/policies/<uuid:pk>/<slug:act>/", views.decide, name="decide"),
    path(f"{_ONE}timeline/", admin.site.admin_view(views.timeline), name="timeline"),
    path(
        f"{_ONE}rollback/<int:number>/",
        admin.site.admin_view(views.rollback),
        name="rollback",
    ),
    path(f"{_ONE}act/<slug:act>/", admin.site.admin_view(views.act), name="act"),
]
