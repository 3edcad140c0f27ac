"""What lint finds in all policies, as a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from apps.policies import selectors
from apps.policies.rules.lint import Finding, Severity

TONES = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.NOTE: "muted"}
_ON_A_PAGE = 50


def findings_page(request: HttpRequest, context: dict[str, object]) -> HttpResponse:
    """Show findings, the worst first; `severity` and `q` narrow them."""
    found = selectors.lint_tenant()
    names = dict(selectors.policies().values_list("slug", "name"))
    counts = Counter(one.severity for one in found)
    wanted = request.GET.get("severity", "")
    words = request.GET.get("q", "").strip().lower()
    shown = [
        {"finding": one, "tone": TONES[one.severity], "name": names.get(one.policy, "")}
        for one in found
        if wanted in ("", one.severity.value) and words in _text_of(one, names).lower()
    ]
    page = Paginator(shown, _ON_A_PAGE).get_page(request.GET.get("page"))
    return TemplateResponse(
        request,
        "admin/policies/findings.html",
        {
            **context,
            "title": "Findings",
            "page": page,
            "words": request.GET.get("q", ""),
            "wanted": wanted,
            "total": len(found),
            "choices": [(one.value, counts[one]) for one in Severity],
        },
    )


def _text_of(one: Finding, names: Mapping[str, str]) -> str:
    return (
        f"{one.policy} {names.get(one.policy, '')} {one.about} {one.code} {one.message}"
    )
