"""Pages on which reviewers answer: parse, one service call, render."""

from __future__ import annotations

import uuid

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.models import User
from apps.accounts.permissions import actor_of, user_of, verified
from apps.core.errors import NotFoundError, PortwardError
from apps.reviews import selectors, services
from apps.reviews.choices import Advice, RunState, Verdict
from apps.reviews.forms import AnswerForm
from apps.reviews.models import Run
from apps.tenants.services import current_tenant_id

PAGE = 100


@never_cache
@verified
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """List the reviews that wait for a person."""
    if current_tenant_id() is None:
        return redirect("accounts:choose_tenant")
    context = {
        **admin.site.each_context(request),
        "title": "Reviews",
        "runs": selectors.open_runs_for(user_of(request)),
    }
    return render(request, "reviews/overview.html", context)


@never_cache
@verified
@require_safe
def answer(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Show what a review asks of a person, with the advice."""
    if current_tenant_id() is None:
        return redirect("accounts:choose_tenant")
    user = user_of(request)
    run = _run(pk, user)
    mine = selectors.items_for(run, user)
    rows, show = list(mine), request.GET.get("show", "")
    shown = mine.filter(verdict="") if show == "waiting" else mine
    if show == "unused":
        shown = mine.filter(advice=Advice.UNUSED)
    chosen = [row for row in rows if row.verdict == Verdict.REVOKE]
    context = {
        **admin.site.each_context(request),
        "title": str(run.campaign),
        "run": run,
        "is_open": run.state == RunState.OPEN and run.closes_at > timezone.now(),
        "progress": selectors.progress(run, rows),
        "page": Paginator(shown, PAGE).get_page(request.GET.get("page")),
        "show": show,
        "losses": selectors.preview(chosen, timezone.now()) if chosen else [],
    }
    return render(request, "reviews/answer.html", context)


@never_cache
@verified
@require_POST
def effect(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Show who would lose what, before it is decided; nothing changes."""
    if current_tenant_id() is None:
        return redirect("accounts:choose_tenant")
    user = user_of(request)
    run = _run(pk, user)
    rows = list(selectors.items_for(run, user).filter(pk__in=_chosen(request)))
    if not rows:
        messages.error(request, "Choose at least one line.")
        return redirect("reviews:answer", pk)
    context = {
        **admin.site.each_context(request),
        "title": f"Revoke {len(rows)}?",
        "run": run,
        "rows": rows,
        "reason": request.POST.get("reason", ""),
        "losses": selectors.preview(rows, timezone.now()),
    }
    return render(request, "reviews/effect.html", context)


@never_cache
@verified
@require_POST
def decide(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Keep or revoke the chosen lines."""
    if current_tenant_id() is None:
        return redirect("accounts:choose_tenant")
    user, chosen = user_of(request), _chosen(request)
    run, form = _run(pk, user), AnswerForm(request.POST)
    if not chosen:
        messages.error(request, "Choose at least one line.")
    elif not form.is_valid():
        messages.error(request, "Choose whether to keep or to revoke.")
    else:
        try:
            rows = services.decide(
                actor=actor_of(request),
                user=user,
                run_id=run.pk,
                item_ids=chosen,
                verdict=Verdict(form.cleaned_data["verdict"]),
                reason=form.cleaned_data["reason"],
            )
            messages.success(request, f"Answered: {len(rows)}.")
        except PortwardError as error:
            messages.error(request, f"{error.message} {error.remedy}".strip())
    return redirect("reviews:answer", pk)


def _run(pk: uuid.UUID, user: User) -> Run:
    """Return a run that asks a person; others are as good as none."""
    try:
        run = selectors.run_by_id(pk)
    except NotFoundError as error:
        raise Http404 from error
    if not selectors.items_for(run, user).exists():
        raise Http404
    return run


def _chosen(request: HttpRequest) -> list[uuid.UUID]:
    found = []
    for text in request.POST.getlist("item"):
        try:
            found.append(uuid.UUID(text))
        except ValueError:
            continue
    return found
