"""Pages of the console: why somebody may do something, who may, and what they may."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from apps.dashboard import selectors
from apps.dashboard.forms import (
    Circumstances,
    ExplainForm,
    Question,
    WhatForm,
    WhoForm,
    offered,
    question,
)
from apps.dashboard.rules import matrix, sheet_of_access, sheet_of_steps
from apps.dashboard.views import asking
from apps.dashboard.views.pictures import picture

PAGE_SIZE = 50


@require_GET
def explain(request: HttpRequest) -> HttpResponse:
    """Show a verdict and the way to it."""
    _require_view(request)
    form = asking.form_of(ExplainForm, request)
    found = question(form)
    context: dict[str, Any] = {}
    if found is not None:
        explanation = found.world.explainer.explain(found.request)
        if asking.wants_csv(request):
            return asking.csv_response("explain", *sheet_of_steps(explanation))
        rows = selectors.rows_of(explanation=explanation)
        now = timezone.now()
        context = {
            "picture": picture(explanation, rows),
            "remedies": selectors.remedies(found.world, explanation, now),
        }
    return _page(request, "explain", "Why?", form, found, context)


@require_GET
def who(request: HttpRequest) -> HttpResponse:
    """Show who may do something."""
    _require_view(request)
    form = asking.form_of(WhoForm, request)
    found = question(form)
    context: dict[str, Any] = {}
    if found is not None and isinstance(form, WhoForm):
        answers = selectors.who(found.world, found.request, form.kinds)
        if asking.wants_csv(request):
            return asking.csv_response("who", *sheet_of_access(answers.rows))
        context = _table(request, answers)
    return _page(request, "who", "Who can do this?", form, found, context)


@require_GET
def what(request: HttpRequest) -> HttpResponse:
    """Show what a principal may do."""
    _require_view(request)
    form = asking.form_of(WhatForm, request)
    found = question(form)
    context: dict[str, Any] = {}
    if found is not None and isinstance(form, WhatForm):
        answers = selectors.what(found.world, found.request, form.kinds)
        if asking.wants_csv(request):
            return asking.csv_response("what", *sheet_of_access(answers.rows))
        context = _table(request, answers)
        context["matrix"] = matrix(answers.rows)
    return _page(request, "what", "What can they do?", form, found, context)


def _table(request: HttpRequest, answers: selectors.Answers) -> dict[str, Any]:
    page = Paginator(answers.rows, PAGE_SIZE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    return {
        "answers": answers,
        "page": page,
        "page_query": query.urlencode(),
        "rows": selectors.rows_of(list(page)),
    }


def _page(  # one page has this many parts
    request: HttpRequest,
    name: str,
    title: str,
    form: Circumstances,
    found: Question | None,
    context: dict[str, Any],
) -> HttpResponse:
    return TemplateResponse(
        request,
        f"dashboard/{name}.html",
        {
            **site.each_context(request),
            "title": title,
            "form": form,
            "found": found,
            "csv_address": asking.csv_address(request, form),
            **offered(found),
            **context,
        },
    )


def _require_view(request: HttpRequest) -> None:
    if not request.user.has_perm("roles.view_assignment"):
        raise PermissionDenied
