"""The simulator: what would be decided, when, and what that compares to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

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
    if not (
        request.user.has_perm("roles.view_assignment")
        and request.user.has_perm("policies.view_policy")
    ):
        raise PermissionDenied
    form = asking.form_of(SimulateForm, request)
    sides = _sides(form) if isinstance(form, SimulateForm) else []
    world = sides[0].asked.world if sides else None
    context: dict[str, Any] = {
        **site.each_context(request),
        "title": "Simulator",
        "form": form,
        "sides": sides,
        "is_other": len({side.picture.allowed for side in sides}) > 1,
        **listed(world),
    }
    return TemplateResponse(request, "dashboard/simulator.html", context)


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
