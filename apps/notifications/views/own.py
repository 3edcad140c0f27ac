"""One's own notifications: parse, one service call, render."""

from __future__ import annotations

import uuid

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from apps.accounts.permissions import actor_of, user_of, verified
from apps.core.errors import PortwardError
from apps.notifications import selectors, services
from apps.notifications.forms import PreferencesForm
from apps.notifications.rules.preferences import FORCED
from apps.tenants.services import current_tenant_id

PAGE_SIZE = 30


@never_cache
@verified
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """List what a person was told in the chosen tenant."""
    if current_tenant_id() is None:
        return redirect("accounts:choose_tenant")
    rows = selectors.inbox(user_of(request))
    only_unread = request.GET.get("show") == "unread"
    if only_unread:
        rows = rows.filter(read_at__isnull=True)
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        **admin.site.each_context(request),
        "title": "Notifications",
        "page": page,
        "only_unread": only_unread,
    }
    return render(request, "notifications/inbox.html", context)


@never_cache
@verified
@require_POST
def open_one(request: HttpRequest, notification_id: uuid.UUID) -> HttpResponse:
    """Mark a notification as read, and lead to what it is about."""
    if current_tenant_id() is None:
        return redirect("accounts:choose_tenant")
    user = user_of(request)
    row = selectors.inbox(user).filter(pk=notification_id).first()
    if row is None:
        raise Http404
    services.mark_read(user=user, notification_id=row.pk)
    return redirect(row.path or "notifications:inbox")


@never_cache
@verified
@require_POST
def read(request: HttpRequest, notification_id: uuid.UUID) -> HttpResponse:
    """Mark one of a person's own notifications as read."""
    if current_tenant_id() is None:
        return redirect("accounts:choose_tenant")
    if not services.mark_read(user=user_of(request), notification_id=notification_id):
        raise Http404
    return redirect("notifications:inbox")


@never_cache
@verified
@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    """Mark all of a person's notifications as read."""
    if current_tenant_id() is None:
        return redirect("accounts:choose_tenant")
    if services.mark_all_read(user=user_of(request)):
        messages.success(request, "Everything is marked as read.")
    return redirect("notifications:inbox")


@never_cache
@verified
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """Show how a person is mailed about each event, and change it."""
    if current_tenant_id() is None:
        return redirect("accounts:choose_tenant")
    user = user_of(request)
    form = PreferencesForm(request.POST or None, chosen=selectors.chosen_by(user))
    if request.method == "POST" and form.is_valid():
        try:
            services.set_preferences(
                actor=actor_of(request), user=user, chosen=form.chosen()
            )
        except PortwardError as error:
            form.add_error(None, f"{error.message} {error.remedy}".strip())
        else:
            messages.success(request, "What you are mailed is saved.")
            return redirect("notifications:preferences")
    context = {
        **admin.site.each_context(request),
        "title": "What you are mailed",
        "form": form,
        "always": [event.label for event in sorted(FORCED)],
    }
    return render(request, "notifications/preferences.html", context)
