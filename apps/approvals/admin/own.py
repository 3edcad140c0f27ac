"""Requests for whoever a flow names: what waits for them, and their vote."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.permissions import own_page, user_of
from apps.approvals import selectors
from apps.approvals.admin import pages, proving, votes
from apps.approvals.admin.requests import beside
from apps.approvals.errors import RequestNotFoundError
from apps.approvals.models import ApprovalRequest

MOST_PAST = 20


@own_page
@require_safe
def requests(request: HttpRequest) -> HttpResponse:
    """Show what waits for one's vote, and what will or did."""
    user = user_of(request)
    found = selectors.waiting_for(user.pk)
    coming = selectors.coming(one.request for one in found.mine)
    context = {
        **admin.site.each_context(request),
        "title": "Requests",
        "waiting": found,
        "mine": [
            {**_row(one), "coming": coming.get(one.request.pk)} for one in found.mine
        ],
        "named": [{**_row(one), "why_not": why} for one, why in found.named],
        "past": [
            {"row": row, "pill": pages.state_pill(row)}
            for row in selectors.decided_by(user.pk, MOST_PAST)
        ],
    }
    return render(request, "approvals/requests.html", context)


@own_page
@require_safe
def decide(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    """Show one request: what is asked, by whom and why, its stages, and the vote."""
    found = _seen_by(request, request_id)
    described = pages.describe(found)
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": found.title,
        **described,
        **pages.what_next(described["standing"], user_of(request)),
        **beside(found, user_of(request)),
        "is_own": True,
        "prove_url": reverse("access:prove", args=[found.pk]),
        "progress_url": reverse("access:progress", args=[found.pk]),
        "vote_options_url": reverse("access:vote_options", args=[found.pk]),
        "vote_url": reverse("access:vote", args=[found.pk]),
    }
    return render(request, "approvals/decide.html", context)


@own_page
@require_POST
def prove(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    """Have the evidence of a request computed again."""
    found = _seen_by(request, request_id)
    proving.prove_request(request, found)
    return redirect("access:decide", request_id=found.pk)


@own_page
@never_cache
@require_safe
def progress(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    """Return how far the evidence is, for the page to refresh itself."""
    proof = selectors.proof_of_request(_seen_by(request, request_id))
    return render(request, "simulation/progress.html", {"row": proof})


@own_page
@require_POST
def vote_options(request: HttpRequest, request_id: uuid.UUID) -> JsonResponse:
    """Answer with what the passkey has to sign."""
    found = _seen_by(request, request_id)
    return votes.answer(request, found.pk, votes.begin)


@own_page
@require_POST
def vote(request: HttpRequest, request_id: uuid.UUID) -> JsonResponse:
    """Record the vote that the passkey signed."""
    found = _seen_by(request, request_id)
    return votes.answer(request, found.pk, _record)


def _record(
    request: HttpRequest, request_id: uuid.UUID, body: dict[str, Any]
) -> dict[str, Any]:
    votes.record(request, request_id, body)
    return {"next": reverse("access:decide", args=[request_id])}


def _seen_by(request: HttpRequest, request_id: uuid.UUID) -> ApprovalRequest:
    """Return a request that concerns the person; others are as good as none."""
    try:
        found = selectors.request_by_id(request_id)
    except RequestNotFoundError as error:
        raise Http404 from error
    standing = selectors.standing_of(found)
    if not selectors.concerns(standing, user_of(request).pk):
        raise Http404
    return found


def _row(one: selectors.Standing) -> dict[str, Any]:
    return {
        "row": one.request,
        "stage": one.stage,
        "quorum": one.quorum,
        "deadline": one.deadline,
    }
