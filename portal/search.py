"""Search across the lists of the admin."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

LIMIT = 8


@dataclass(frozen=True)
class Group:
    """What was found in one list."""

    label: str
    url: str
    rows: list[tuple[str, str]]


def find(site: AdminSite, request: HttpRequest, query: str) -> list[Group]:
    """Return matches by list, in the lists that the person may see."""
    found = []
    for model, model_admin in site._registry.items():  # noqa: SLF001  # the site's own registry
        if not model_admin.get_search_fields(
            request
        ) or not model_admin.has_view_permission(request):
            continue
        queryset, duplicates = model_admin.get_search_results(
            request, model_admin.get_queryset(request), query
        )
        if duplicates:
            queryset = queryset.distinct()
        meta = model._meta  # noqa: SLF001  # Django's documented model API
        name = f"admin:{meta.app_label}_{meta.model_name}"
        rows = [
            (str(row), _address(f"{name}_change", row.pk)) for row in queryset[:LIMIT]
        ]
        if rows:
            label = str(meta.verbose_name_plural)
            found.append(
                Group(
                    label,
                    f"{reverse(name + '_changelist')}?{urlencode({'q': query})}",
                    rows,
                )
            )
    return found


def _address(name: str, pk: object) -> str:
    try:
        return reverse(name, args=[pk])
    except NoReverseMatch:
        return ""
