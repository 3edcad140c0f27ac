"""Addresses of objects and lists in the console; empty where there is no page."""

from __future__ import annotations

from django import template
from django.apps import apps
from django.db.models import Model
from django.urls import NoReverseMatch, reverse

register = template.Library()


@register.simple_tag
def admin_url(row: Model) -> str:
    """Return the page of one object."""
    meta = row._meta  # noqa: SLF001  # Django's documented model API
    return _address(f"admin:{meta.app_label}_{meta.model_name}_change", row.pk)


@register.simple_tag
def admin_list_url(label: str) -> str:
    """Return the list of a model, given as app_label.Model."""
    meta = apps.get_model(label)._meta  # noqa: SLF001  # Django's documented model API
    return _address(f"admin:{meta.app_label}_{meta.model_name}_changelist")


def _address(name: str, *args: object) -> str:
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
