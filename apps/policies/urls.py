"""Addresses of the life of policies, below the console."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path

from apps.policies import views

app_name = "policies"
_ONE = "admin/policies/policy/<uuid:pk>/"

urlpatterns: list[URLPattern] = [
    path("admin/policies/as-of/", admin.site.admin_view(views.as_of), name="as_of"),
    path(f"{_ONE}timeline/", admin.site.admin_view(views.timeline), name="timeline"),
    path(
        f"{_ONE}rollback/<int:number>/",
        admin.site.admin_view(views.rollback),
        name="rollback",
    ),
    path(f"{_ONE}act/<slug:act>/", admin.site.admin_view(views.act), name="act"),
]
