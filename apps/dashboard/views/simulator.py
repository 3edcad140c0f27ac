"""The simulator: what would be decided, when, and what that compares to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.permissions import actor_of
from apps.core.errors import PortwardError
from apps.dashboard import selectors
from apps.dashboard.forms import (
    Simulated,
    SimulateForm,
    listed,
    simulated,
)
from apps.dashboard.rules import Timeline, timeline
from apps.dashboard.views import asking
from apps.dashboard.views.pictures import Picture, picture
from apps.policies import selectors as policies
from apps.policies import services
from apps.policies.models import Policy
from apps.simulation.rules import strip


@dataclass(frozen=True)
class Side:
    """One of the worlds that are compared: its verdict, the way to it, and when."""

    title: str
    asked: Simulated
    picture: Picture
    timeline: Timeline
    remedies: tuple[selectors.Remedy, ...] = ()


@require_GET
def simulator(request: HttpRequest) -> HttpResponse:
    """Show what would be decided, and when; a proposal beside what is live."""
    _require_view(request)
    form = asking.form_of(SimulateForm, request)
    sides = _sides(form) if isinstance(form, SimulateForm) else []
    world = sides[0].asked.world if sides else None
    may_save = request.user.has_perm("policies.change_policy")
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": "Simulator",
        "form": form,
        "sides": sides,
        "is_other": len({side.picture.allowed for side in sides}) > 1,
        "savable": _savable(sides[0].asked) if sides and may_save else [],
        **listed(world),
    }
    return TemplateResponse(request, "dashboard/simulator.html", context)


@require_POST
def save_test(request: HttpRequest) -> HttpResponse:
    """Keep a simulated question as a test beside a policy's draft."""
    _require_view(request)
    if not request.user.has_perm("policies.change_policy"):
        raise PermissionDenied
    form = SimulateForm(request.POST)
    asked = simulated(form, form.subject) if form.is_valid() else None
    slug = request.POST.get("policy", "")
    policy = policies.policy_by_slug(slug)
    if asked is None or policy is None:
        messages.error(request, "Simulate it again: this question cannot be kept.")
        return redirect("dashboard:simulator")
    name = request.POST.get("name", "").strip()
    case = selectors.case_of(asked.world, asked.request, slug, name or str(policy))
    try:
        services.add_test(
            actor=actor_of(request),
            policy_id=policy.pk,
            case=case,
            expected_lock=None,
        )
    except PortwardError as error:
        messages.error(request, f"{error.message} {error.remedy}")
        query = request.POST.copy()
        for name in ("policy", "name", "csrfmiddlewaretoken"):
            query.pop(name, None)
        return redirect(f"{reverse('dashboard:simulator')}?{query.urlencode()}")
    messages.success(request, f"“{case.name}” is a test of “{policy}” now.")
    return redirect("admin:policies_policy_change", policy.pk)


def _savable(asked: Simulated) -> list[Policy]:
    """Return the policies beside which the question could stand as a test."""
    slugs = selectors.policies_about(asked.world, asked.request)
    found = {policy.slug: policy for policy in policies.policies()}
    return [found[slug] for slug in slugs if slug in found]


def _require_view(request: HttpRequest) -> None:
    if not (
        request.user.has_perm("roles.view_assignment")
        and request.user.has_perm("policies.view_policy")
    ):
        raise PermissionDenied


def _sides(form: SimulateForm) -> list[Side]:
    """Return what was asked, then what is live if that is another world."""
    if not form.is_bound or not form.is_valid():
        return []
    names = list(dict.fromkeys((form.subject, selectors.LIVE)))
    found = [simulated(form, name) for name in names]
    labels = form.labels
    return [
        _side(form, labels.get(name, name), one)
        for name, one in zip(names, found, strict=True)
        if one is not None and not form.errors
    ]


def _side(form: SimulateForm, title: str, asked: Simulated) -> Side:
    world, request = asked.world, asked.request
    explanation = world.explainer.explain(request)
    found = strip(
        world.engine,
        request,
        start=request.now,
        end=request.now + form.length,
    )
    return Side(
        title,
        asked,
        picture(explanation, selectors.rows_of(explanation=explanation)),
        timeline(title, found),
        selectors.remedies(world, explanation, timezone.now()),
    )
