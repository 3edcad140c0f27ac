"""The life of policies in the console: timeline, acts, rollback, any past day."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts.permissions import actor_of, user_of
from apps.core.errors import NotFoundError, PortwardError
from apps.policies import selectors, services
from apps.policies.choices import Act, PolicyState
from apps.policies.models import Policy, PolicyVersion
from apps.policies.rules import lifecycle
from apps.policies.rules.differences import differences

PAGE = 25
_MOVES = (Act.SUSPEND, Act.RESUME, Act.RETIRE)
DECIDES = (Act.LET_END, Act.EXTEND)
_ACTS = (*_MOVES, *DECIDES)


class ActForm(forms.Form):
    """Why something is done to a policy, and what it takes besides."""

    reason = forms.CharField(
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Those who approve policies are told, and it stays in the audit log.",
    )
    until = forms.DateTimeField(
        label="Ask again by",
        help_text="UTC. The policy stays in force at least until then.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    confirmed = forms.CharField(max_length=63, label="Short name")

    def __init__(self, data: Any, act: Act | None, slug: str) -> None:  # noqa: ANN401  # what a form takes
        super().__init__(data)
        if act is not Act.EXTEND:
            del self.fields["until"]
        if act is not Act.RETIRE:
            del self.fields["confirmed"]
        else:
            self.fields["confirmed"].help_text = f"Type “{slug}”. Retiring is for good."


@require_GET
def timeline(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Show what happened to a policy, and compare any two of its versions."""
    policy = _policy(request, pk)
    now = timezone.now()
    entries = selectors.history_of(policy, now)
    rows = [entry.version for entry in entries if entry.version]
    in_force = selectors.version_in_force(policy.pk, now)
    context = {
        **_context(request, policy, "Timeline"),
        "page": Paginator(entries, PAGE).get_page(request.GET.get("page")),
        "versions": rows,
        "in_force": in_force,
        "effective": selectors.effective(rows[0], now) if rows else None,
        "state": PolicyState(policy.state).label,
        "acts": lifecycle.possible(policy.state) if rows else (),
        "good": selectors.last_good(rows),
        "due": selectors.due_for(in_force) if in_force else None,
        "may_decide": in_force is not None and _may_decide(request, in_force),
        "comparison": _comparison(request, rows),
        "now": now,
    }
    return render(request, "policies/timeline.html", context)


@require_http_methods(["GET", "POST"])
def act(request: HttpRequest, pk: uuid.UUID, act: str) -> HttpResponse:
    """Suspend, resume or retire a policy, or decide about the end of a forbid."""
    wanted = next((one for one in _ACTS if one == act), None)
    # Its owner decides about the end of a forbid too, as the service checks.
    policy = _policy(request, pk, "view" if wanted in DECIDES else "change")
    newest = selectors.newest_version(policy.pk)
    if wanted is None or newest is None:
        raise Http404
    form = ActForm(
        request.POST if request.method == "POST" else None, wanted, policy.slug
    )
    if request.method == "POST" and form.is_valid():
        try:
            carry_out(request, policy, wanted, form.cleaned_data)
        except PortwardError as error:
            show_refusal(form, error)
        else:
            messages.success(request, f"{wanted.label}: “{policy.name}”.")
            return redirect("policies:timeline", policy.pk)
    in_force = selectors.version_in_force(policy.pk)
    context = {
        **_context(request, policy, f"{wanted.label} “{policy.name}”"),
        "act": wanted,
        "form": form,
        "risk": lifecycle.risk_of(wanted, newest.content),
        "needs_request": lifecycle.needs_request(wanted, newest.content),
        "due": selectors.due_for(in_force) if in_force else None,
        "sentence": selectors.sentence_of(newest.content),
        "back": reverse("policies:timeline", args=[policy.pk]),
    }
    return render(request, "policies/act.html", context)


@require_http_methods(["GET", "POST"])
def rollback(request: HttpRequest, pk: uuid.UUID, number: int) -> HttpResponse:
    """Put the content of an earlier version in force again."""
    policy = _policy(request, pk, "change")
    rows = list(selectors.versions().filter(policy=policy))
    target = next((row for row in rows if row.number == number), None)
    if target is None:
        raise Http404
    form = ActForm(request.POST if request.method == "POST" else None, None, "")
    asked: dict[str, Any] = {
        "actor": actor_of(request),
        "policy_id": policy.pk,
        "to_version": number,
    }
    if request.method == "POST" and form.is_valid():
        try:
            made = services.roll_back(**asked, reason=form.cleaned_data["reason"])
        except PortwardError as error:
            show_refusal(form, error)
        else:
            messages.success(
                request,
                f"Version {made.number} has the content of version {number}. "
                "Every node hears of it within seconds.",
            )
            return redirect("policies:timeline", policy.pk)
    context = {
        **_context(request, policy, f"Roll back to version {number}"),
        "form": form,
        "target": target,
        "newest": rows[0],
        "refusal": services.why_not_roll_back(policy=policy, to_version=number),
        "comparison": _between(rows[0], target),
    }
    return render(request, "policies/rollback.html", context)


@require_GET
def as_of(request: HttpRequest) -> HttpResponse:
    """Show which policies were in force at the end of any day."""
    _require(request, "view")
    now = timezone.now()
    form = _DayForm(request.GET or None)
    day = form.cleaned_data["on"] if form.is_bound and form.is_valid() else None
    end = dt.datetime.combine(day, dt.time.max, dt.UTC) if day else now
    rows = selectors.as_of(min(end, now))
    context = {
        **admin.site.each_context(request),
        "title": "Policies on any day",
        "form": form,
        "moment": min(end, now),
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "live": sum(row.version is not None for row in rows),
        "total": len(rows),
        "query": f"on={day.isoformat()}&" if day else "",
    }
    return render(request, "policies/as_of.html", context)


class _DayForm(forms.Form):
    on = forms.DateField(
        label="Day (UTC)", widget=forms.DateInput(attrs={"type": "date"})
    )


def carry_out(
    request: HttpRequest, policy: Policy, act: Act, given: dict[str, Any]
) -> None:
    """Call the service for what was asked; raises what that raises."""
    actor, reason = actor_of(request), given["reason"]
    common: dict[str, Any] = {
        "actor": actor,
        "policy_id": policy.pk,
        "reason": reason,
        "request_id": None,
    }
    match act:
        case Act.SUSPEND:
            services.suspend_policy(**common)
        case Act.RESUME:
            services.resume_policy(**common)
        case Act.RETIRE:
            services.retire_policy(**common, confirmed=given["confirmed"])
        case _:
            services.decide_end(**common, until=given.get("until"))


def _comparison(request: HttpRequest, rows: list[PolicyVersion]) -> dict[str, Any]:
    """Return what changed between the two versions that the address names."""
    by_number = {str(row.number): row for row in rows}
    before = by_number.get(request.GET.get("from", ""))
    after = by_number.get(request.GET.get("to", ""))
    return _between(before, after) if before and after else {}


def _between(before: PolicyVersion, after: PolicyVersion) -> dict[str, Any]:
    return {
        "before": before,
        "after": after,
        "changes": differences(before.content, after.content),
        "sentence_before": selectors.sentence_of(before.content),
        "sentence_after": selectors.sentence_of(after.content),
    }


def _may_decide(request: HttpRequest, version: PolicyVersion) -> bool:
    user = user_of(request)
    owner = version.content["owner"]
    return selectors.owns(user, owner) or user.has_perm("policies.change_policy")


def show_refusal(form: forms.Form, error: PortwardError) -> None:
    """Put a refusal beside the field that it names."""
    name = error.field if error.field in form.fields else None
    form.add_error(name, f"{error.message} {error.remedy}".strip())


def _context(request: HttpRequest, policy: Policy, title: str) -> dict[str, Any]:
    return {
        **admin.site.each_context(request),
        "title": title,
        "policy": policy,
        "may_change": request.user.has_perm("policies.change_policy"),
    }


def _policy(request: HttpRequest, pk: uuid.UUID, what: str = "view") -> Policy:
    _require(request, what)
    try:
        return selectors.policy_by_id(pk)
    except NotFoundError as error:
        raise Http404 from error


def _require(request: HttpRequest, what: str) -> None:
    if not request.user.has_perm(f"policies.{what}_policy"):
        raise PermissionDenied
