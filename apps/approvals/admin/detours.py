"""Take what is filled in on a page into a set of changes instead of saving it.

The page is made, and the form is saved, inside a savepoint in which the set is carried
out; so it offers what the set creates, and refuses what saving it would refuse. Then
all of that is taken back, and what was saved is kept as a change of the set.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from apps.accounts.permissions import actor_of, user_of
from apps.approvals import selectors, services
from apps.approvals.choices import ItemKind
from apps.approvals.models import ChangeItem, ChangeSet
from apps.core.admin import ServiceAdmin
from apps.core.errors import (
    ForbiddenError,
    NotFoundError,
    OutOfScopeError,
    PortwardError,
)

KINDS = {
    "timewindow": ItemKind.WINDOW,
    "holidaycalendar": ItemKind.CALENDAR,
    "location": ItemKind.LOCATION,
    "role": ItemKind.ROLE,
    "policy": ItemKind.POLICY,
}
_PAGES = {kind: name for name, kind in KINDS.items()}
_APPS = {ItemKind.ROLE: "roles", ItemKind.POLICY: "policies"}
Page = ServiceAdmin[Any]


class ChangeDetour:
    """The way into a set of changes."""

    def answer(
        self, page: Page, request: HttpRequest, row: Model | None
    ) -> HttpResponse | None:
        """Show the page as it would be with a set, or add to the set."""
        kind = KINDS.get(str(page.opts.model_name))
        if kind is None:
            return None
        if request.method == "POST" and "_to_change" in request.POST:
            return _add(page, request, row, kind)
        if request.method == "GET" and "change_set" in request.GET:
            return _show(page, request, row)
        return None

    def context(
        self, page: Page, request: HttpRequest, row: Model | None
    ) -> dict[str, Any]:
        """Return the open sets of the person who looks."""
        del row
        kind = KINDS.get(str(page.opts.model_name))
        if kind is None or not user_of(request).has_perm("approvals.add_changeset"):
            # Sets of changes concern all objects; rights on some do not open them.
            return {}
        sent = request.POST if request.method == "POST" else request.GET
        rows = selectors.open_sets_of(user_of(request).pk)[:50]
        name = "_change_set" if request.method == "POST" else "change_set"
        found = {
            "sets": [(str(one.pk), one.title) for one in rows],
            "selected": sent.get(name, ""),
            "slug": sent.get("_change_slug") or sent.get("change", ""),
            "is_direct": kind is not ItemKind.POLICY,
        }
        return {"change_choice": found}


def edit_url(row: ChangeSet, item: ChangeItem) -> str:
    """Return the page on which a change of a set is edited."""
    kind = ItemKind(item.kind)
    if kind not in _PAGES:
        return ""
    app = _APPS.get(kind, "scopes")
    ground = selectors.ground_of(kind, item.slug)
    name = f"admin:{app}_{_PAGES[kind]}"
    address = (
        reverse(f"{name}_change", args=[ground.id])
        if ground.id
        else reverse(f"{name}_add")
    )
    return f"{address}?change_set={row.pk}&change={item.slug}"


def _show(page: Page, request: HttpRequest, row: Model | None) -> HttpResponse:
    found = _set_named(request.GET["change_set"])
    try:
        with _staged(request, found, without=""):
            staged = _row(page, request, row, request.GET.get("change", ""))
            return page.shown(request, page.make_form(request, staged), row).render()
    except PortwardError as error:
        messages.error(request, f"{error.message} {error.remedy}".strip())
        return HttpResponseRedirect(_page_of(found))


def _add(
    page: Page, request: HttpRequest, row: Model | None, kind: ItemKind
) -> HttpResponse:
    named = request.POST.get("_change_set", "")
    found = _set_named(named) if named else None
    edited = request.POST.get("_change_slug", "")
    own = "" if edited or row is None else f"{kind}:{getattr(row, 'slug', '')}"
    error: PortwardError
    try:
        with _staged(request, found, without=own):
            staged = _row(page, request, row, edited)
            form = page.make_form(request, staged)
            if not form.is_valid():
                return page.shown(request, form, row).render()
            saved = page.save_within(
                request, staged, lambda: page.save(request, form, staged)
            )
            content = selectors.ground_of(kind, saved.slug).content or {}
        found = _put(request, found, kind, saved.slug, content)
    except OutOfScopeError as refusal:
        error = refusal
    except ForbiddenError as refusal:
        raise PermissionDenied(refusal.message) from refusal
    except PortwardError as refusal:
        error = refusal
    else:
        messages.success(request, f"“{saved}” is a change of “{found}” now.")
        return HttpResponseRedirect(_page_of(found))
    form = page.make_form(request, row)
    form.is_valid()
    page.show_refusal(form, error)
    return page.shown(request, form, row)


@transaction.atomic
def _put(
    request: HttpRequest,
    found: ChangeSet | None,
    kind: ItemKind,
    slug: str,
    content: dict[str, Any],
) -> ChangeSet:
    actor = actor_of(request)
    if found is None:
        title = f"Change {content.get('name') or slug}"[:160]
        found = services.create_change_set(actor=actor, title=title)
    services.put_change(
        actor=actor, set_id=found.pk, kind=kind, slug=slug, content=content
    )
    return found


@contextmanager
def _staged(
    request: HttpRequest, found: ChangeSet | None, *, without: str
) -> Iterator[None]:
    """Let the block see the tenant with the changes of a set, and take all back."""
    with transaction.atomic():
        if found is not None:
            services.stage_set(actor=actor_of(request), row=found, without=without)
        yield
        transaction.set_rollback(True)


def _row(
    page: Page, request: HttpRequest, row: Model | None, slug: str
) -> Model | None:
    """Return the row as the set leaves it, if it creates or changes it.

    Raises Http404 for one that the person may not see.
    """
    rows: QuerySet[Model] = page.get_queryset(request)
    if row is not None:
        return rows.get(pk=row.pk)
    found = rows.filter(slug=slug).first() if slug else None
    if found is not None and not page.has_view_permission(request, found):
        raise Http404
    return found


def _set_named(text: str) -> ChangeSet:
    try:
        return selectors.change_set_by_id(uuid.UUID(text))
    except (ValueError, NotFoundError) as error:
        raise Http404 from error


def _page_of(row: ChangeSet) -> str:
    return reverse("admin:approvals_changeset_change", args=[row.pk])
