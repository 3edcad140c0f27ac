"""What people say about sets of changes and requests, on their pages."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from apps.accounts.permissions import actor_of
from apps.approvals import selectors, services
from apps.approvals.admin.pages import parse_id
from apps.approvals.models import Comment
from apps.core.errors import ForbiddenError, NotFoundError, PortwardError


def say(request: HttpRequest, about: services.About) -> HttpResponse:
    """Say what was written, about the whole, a change, or in answer."""
    parent = request.POST.get("parent", "")
    try:
        services.add_comment(
            actor=actor_of(request),
            about=about,
            body=request.POST.get("body", ""),
            item=request.POST.get("item", ""),
            parent_id=parse_id(parent) if parent else None,
        )
    except PortwardError as error:
        _refused(request, error)
    return HttpResponseRedirect(f"{about.page}#talk")


def edit(request: HttpRequest, comment_id: uuid.UUID) -> HttpResponse:
    """Change what one said."""
    body = request.POST.get("body", "")
    return _change(
        request,
        comment_id,
        lambda: services.edit_comment(
            actor=actor_of(request), comment_id=comment_id, body=body
        ),
    )


def delete(request: HttpRequest, comment_id: uuid.UUID) -> HttpResponse:
    """Take back what one said."""
    return _change(
        request,
        comment_id,
        lambda: services.delete_comment(actor=actor_of(request), comment_id=comment_id),
    )


def _change(
    request: HttpRequest, comment_id: uuid.UUID, act: Callable[[], Comment]
) -> HttpResponse:
    try:
        row = selectors.comment_by_id(comment_id)
    except NotFoundError as error:
        raise Http404 from error
    try:
        act()
    except PortwardError as error:
        _refused(request, error)
    about = services.About(row.change_set, row.request)
    return HttpResponseRedirect(f"{about.page}#talk")


def _refused(request: HttpRequest, error: PortwardError) -> None:
    if isinstance(error, ForbiddenError):
        raise PermissionDenied(error.message) from error
    messages.error(request, f"{error.message} {error.remedy}".strip())
