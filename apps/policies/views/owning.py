"""Where owners decide about the end of their forbids, without entering the console."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from apps.accounts.permissions import own_page, user_of
from apps.core.errors import NotFoundError, PortwardError
from apps.policies import selectors
from apps.policies.choices import Act
from apps.policies.models import Policy, PolicyVersion
from apps.policies.rules import lifecycle
from apps.policies.views.life import DECIDES, PAGE, ActForm, carry_out, show_refusal


@own_page
@require_safe
def owned(request: HttpRequest) -> HttpResponse:
    """List the forbids whose owner a person is, and whose end waits for a decision."""
    rows = [one for one in selectors.dues() if _owns(request, one.version)]
    context = {
        **admin.site.each_context(request),
        "title": "Policies that end",
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "now": timezone.now(),
    }
    return render(request, "policies/owned.html", context)


@own_page
@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: HttpRequest, pk: uuid.UUID, act: str) -> HttpResponse:
    """Let a forbid of one's own end, or extend it; those of others are not there."""
    wanted = next((one for one in DECIDES if one == act), None)
    policy, version = _own(request, pk)
    if wanted is None:
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
            return redirect("policies:owned")
    context = _context(request, policy, version, wanted) | {"form": form}
    return render(request, "policies/act.html", context)


def _context(
    request: HttpRequest, policy: Policy, version: PolicyVersion, wanted: Act
) -> dict[str, Any]:
    return {
        **admin.site.each_context(request),
        "title": f"{wanted.label} “{policy.name}”",
        "policy": policy,
        "act": wanted,
        "risk": lifecycle.risk_of(wanted, version.content),
        "due": selectors.due_for(version),
        "sentence": selectors.sentence_of(version.content),
        "back": reverse("policies:owned"),
    }


def _own(request: HttpRequest, pk: uuid.UUID) -> tuple[Policy, PolicyVersion]:
    try:
        policy = selectors.policy_by_id(pk)
    except NotFoundError as error:
        raise Http404 from error
    version = selectors.version_in_force(policy.pk)
    if version is None or not _owns(request, version):
        raise Http404
    return policy, version


def _owns(request: HttpRequest, version: PolicyVersion) -> bool:
    return selectors.owns(user_of(request), version.content["owner"])
