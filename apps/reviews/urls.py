"""Addresses for reviewers."""

from __future__ import annotations

from django.urls import URLPattern, path

from apps.reviews import views

app_name = "reviews"

urlpatterns: list[URLPattern] = [
    path("access/reviews/", views.overview, name="overview"),
    path("access/reviews/<uuid:pk>/", views.answer, name="answer"),
    path("access/reviews/<uuid:pk>/effect/", views.effect, name="effect"),
    path("access/reviews/<uuid:pk>/decide/", views.decide, name="decide"),
]
