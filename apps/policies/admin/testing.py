"""The page of a policy's tests: how they fare, what they try, and what is proposed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from apps.accounts.permissions import actor_of
from apps.core.admin import ServiceAdmin
from apps.core.errors import PortwardError
from apps.policies import selectors, services
from apps.policies.errors import PolicyInvalidError
from apps.policies.forms.cases import CaseForm, case_words, initial_of_case
from apps.policies.models import Policy
from apps.policies.rules import EdgeKind, TestReport
from apps.policies.rules.testing import head_words, reason_words
from engine.conditions import Condition, ConditionKind
from engine.coverage import percent

_TITLES = {
    EdgeKind.STATEMENT: "What it applies to",
    EdgeKind.WINDOW: "Edges of its windows",
    EdgeKind.LOCATION: "Edges of its places",
    EdgeKind.CONDITION: "Edges of its conditions",
}
_LONGEST_LOCK = 10
_ADDRESS = "admin:policies_policy_tests"


def page(
    admin: ServiceAdmin[Policy], request: HttpRequest, pk: uuid.UUID
) -> HttpResponse:
    """Show the tests of a policy, run just now; change them when posted to."""
    row = admin.get_object(request, str(pk))
    if row is None:
        raise Http404
    if not admin.has_view_permission(request, row):
        raise PermissionDenied
    may_change = admin.has_change_permission(request, row)
    form = None
    if request.method == "POST":
        if not may_change:
            raise PermissionDenied
        form = _act(request, row)
        if form is None:
            return redirect(_ADDRESS, row.pk)
    context = {
        **admin.admin_site.each_context(request),
        **_shown(row, form or _form(request, row)),
        "opts": admin.opts,
        "row": row,
        "draft": row.draft,
        "title": f"Tests of {row.name}",
        "may_change": may_change,
        "is_bound": form is not None,
    }
    return TemplateResponse(request, "admin/policies/tests.html", context)


def _act(request: HttpRequest, row: Policy) -> CaseForm | None:
    """Do what a button says; return the form if something is wrong with it."""
    match request.POST.get("do"):
        case "save":
            return _save(request, row)
        case "keep" | "keep_all" | "keep_needed":
            _try(request, lambda: _keep(request, row))
        case "remove":
            _try(request, lambda: _remove(request, row))
        case _:
            messages.error(request, "Choose what to do.")
    return None


def _save(request: HttpRequest, row: Policy) -> CaseForm | None:
    form = CaseForm(request.POST)
    if not form.is_valid():
        return form
    known: dict[str, Any] = {
        "actor": actor_of(request),
        "policy_id": row.pk,
        "case": form.case(),
        "expected_lock": form.cleaned_data["lock"],
    }
    replaces = form.cleaned_data["replaces"]
    try:
        if replaces:
            services.change_test(name=replaces, **known)
        else:
            services.add_test(**known)
    except PolicyInvalidError as error:
        for _, field, message, remedy in error.problems:
            form.add_error(form.place_of(field), f"{message} {remedy}")
        return form
    except PortwardError as error:
        form.add_error(None, f"{error.message} {error.remedy}".strip())
        return form
    messages.success(request, f"“{form.cleaned_data['name']}” is saved.")
    return None


def _keep(request: HttpRequest, row: Policy) -> None:
    now, names = timezone.now(), None
    if request.POST.get("do") == "keep":
        names = request.POST.getlist("name")
    elif request.POST.get("do") == "keep_needed":
        edges = selectors.proposed_tests(row.draft, now=now)
        names = [edge.case.name for edge in edges if edge.is_needed]
    services.keep_proposals(
        actor=actor_of(request),
        policy_id=row.pk,
        expected_lock=_lock(request),
        now=now,
        names=names,
    )
    messages.success(request, "Kept. They are approved together with the policy.")


def _remove(request: HttpRequest, row: Policy) -> None:
    name = request.POST.get("name", "")
    services.remove_test(
        actor=actor_of(request),
        policy_id=row.pk,
        name=name,
        expected_lock=_lock(request),
    )
    messages.success(request, f"“{name}” is removed.")


def _try(request: HttpRequest, act: Callable[[], None]) -> None:
    try:
        act()
    except PortwardError as error:
        messages.error(request, f"{error.message} {error.remedy}".strip())


def _lock(request: HttpRequest) -> int | None:
    text = request.POST.get("lock", "")
    return int(text) if text.isdecimal() and len(text) < _LONGEST_LOCK else -1


def _form(request: HttpRequest, row: Policy) -> CaseForm:
    name = request.GET.get("edit", "")
    cases = row.draft.content.get("tests", ())
    case = next((one for one in cases if one["name"] == name), None)
    return CaseForm(initial=initial_of_case(case, row.draft.lock))


def _shown(row: Policy, form: CaseForm) -> dict[str, Any]:
    report = selectors.run_tests(row.draft)
    edges = selectors.proposed_tests(row.draft, now=timezone.now())
    kinds = groupby(edges, key=lambda edge: edge.kind)
    return {
        "form": form,
        "report": report,
        "lines": list(_lines(row, report)),
        "bars": _bars(report),
        "statements": [
            {
                "words": head_words(one.statement),
                "reached": one.reached,
                "decided": one.decided,
                "conditions": [
                    {
                        "words": _condition(found.condition),
                        "held": found.held,
                        "failed": found.failed,
                    }
                    for found in one.conditions
                ],
            }
            for one in report.coverage.statements
        ],
        "proposals": [
            (
                _TITLES[kind],
                [(edge, case_words(edge.case.to_dict())) for edge in found],
            )
            for kind, found in kinds
        ],
        "needs": any(edge.is_needed for edge in edges)
        and bool(report.coverage.uncovered),
    }


def _lines(row: Policy, report: TestReport) -> Iterator[dict[str, Any]]:
    cases = row.draft.content.get("tests", ())
    for case, result in zip(cases, report.results, strict=True):
        yield {
            "case": case,
            "result": result,
            "words": case_words(case),
            "why": reason_words(result),
        }


def _bars(report: TestReport) -> list[dict[str, Any]]:
    found = report.coverage
    shares = [
        ("Statements reached", found.reached, False),
        ("Conditions seen true and false", found.outcomes, False),
        ("Forbids that a test would miss", found.forbids, True),
    ]
    return [
        {
            "title": title,
            "covered": share[0],
            "of": share[1],
            "percent": percent(share),
            "is_gate": is_gate,
        }
        for title, share, is_gate in shares
        if share[1]
    ]


def _condition(condition: Condition) -> str:
    match condition.kind:
        case ConditionKind.WINDOW if condition.windows:
            return " or ".join(one.name or one.zone for one in condition.windows)
        case ConditionKind.LOCATION if condition.locations:
            return " or ".join(one.name or "a place" for one in condition.locations)
        case ConditionKind.ATTRIBUTE:
            return f"{condition.attribute} {condition.op} {condition.value}"
        case _:
            return condition.cedar
