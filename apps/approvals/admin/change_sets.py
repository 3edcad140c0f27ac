"""Pages of sets of changes: the list, one set with what it would do, conflicts."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from typing_extensions import override

from apps.accounts.choices import TenantRole
from apps.accounts.permissions import actor_of, require, user_of
from apps.approvals import selectors, services
from apps.approvals.admin import detours, pages, proving, showing, talking
from apps.approvals.admin.shown import ShownAdmin
from apps.approvals.choices import ChangeSetState
from apps.approvals.errors import ChangeNotFoundError
from apps.approvals.forms import ChangeSetForm
from apps.approvals.models import ChangeSet
from apps.core.errors import ForbiddenError, PortwardError

_TONES = {
    ChangeSetState.DRAFT: "muted",
    ChangeSetState.OPEN: "warn",
    ChangeSetState.CARRIED_OUT: "ok",
    ChangeSetState.DISCARDED: "muted",
}


@admin.register(ChangeSet)
class ChangeSetAdmin(ShownAdmin[ChangeSet]):
    """Show sets; every act on one is a view of its own that calls a service."""

    list_display = ["title", "state_pill", "holds", "author", "changed"]
    list_filter = ["state", "updated_at"]
    search_fields = ["title", "reason", "author_name"]
    actions = None
    change_list_template = "admin/approvals/changeset/change_list.html"

    @override
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        one = "<uuid:set_id>/"

        def act(name: str, view: Callable[..., HttpResponse], rest: str) -> URLPattern:
            return path(f"{one}{rest}", wrap(view), name=f"approvals_set_{name}")

        own = [
            act("submit", require_POST(self.submit_view), "submit/"),
            act("prove", require_POST(self.prove_view), "evidence/"),
            act("discard", require_POST(self.discard_view), "discard/"),
            act("remove", require_POST(self.remove_view), "<uuid:item_id>/remove/"),
            act("say", require_POST(self.say_view), "comments/"),
            path(
                "comments/<uuid:comment_id>/edit/",
                wrap(require_POST(talking.edit)),
                name="approvals_comment_edit",
            ),
            path(
                "comments/<uuid:comment_id>/delete/",
                wrap(require_POST(talking.delete)),
                name="approvals_comment_delete",
            ),
            act("conflict", self.conflict_view, "<uuid:item_id>/conflict/"),
        ]
        return own + super().get_urls()

    @override
    def read(self, row_id: uuid.UUID) -> ChangeSet:
        return selectors.change_set_by_id(row_id)

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return _may_write(request)

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[ChangeSet]:
        return selectors.change_sets()

    @admin.display(description="State", ordering="state")
    def state_pill(self, row: ChangeSet) -> SafeString:
        """Show the state as a colored word."""
        return pages.pill(_TONES[ChangeSetState(row.state)], row.get_state_display())

    @admin.display(description="Changes")
    def holds(self, row: ChangeSet) -> str:
        """Show how many changes it holds."""
        return str(getattr(row, "changes", 0))

    @admin.display(description="Begun by", ordering="author_name")
    def author(self, row: ChangeSet) -> str:
        """Show who began it."""
        return row.author_name

    @admin.display(description="Last changed", ordering="updated_at")
    def changed(self, row: ChangeSet) -> str:
        """Show when it was changed last."""
        return f"{row.updated_at:%Y-%m-%d %H:%M} UTC"

    @override
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Ask for the words of a new set, and begin it."""
        if not _may_write(request):
            raise PermissionDenied
        form = ChangeSetForm(request.POST or None, label_suffix="")
        if request.method == "POST" and form.is_valid():
            values = form.cleaned_data
            at = values["activate_at"]
            try:
                row = services.create_change_set(
                    actor=actor_of(request),
                    title=values["title"],
                    reason=values["reason"],
                )
                services.schedule_change_set(
                    actor=actor_of(request), set_id=row.pk, at=at
                )
            except PortwardError as error:
                _refuse(form, error)
            else:
                messages.success(request, f"“{row}” is begun. Add changes to it.")
                return HttpResponseRedirect(page_of(row.pk))
        context = self.page(request, "Begin a set of changes", form=form)
        template = "admin/approvals/changeset/new.html"
        return TemplateResponse(request, template, context)

    @override
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a set with what it would do; change its words."""
        row = self.find(request, pages.parse_id(object_id))
        may_write = row.is_draft and _may_write(request)
        if request.method == "POST" and not may_write:
            raise PermissionDenied
        form = ChangeSetForm(
            request.POST or None, initial=_initial(row), label_suffix=""
        )
        if request.method == "POST" and form.is_valid():
            try:
                _save_words(request, row, form)
            except PortwardError as error:
                _refuse(form, error)
            else:
                messages.success(request, "The words are saved.")
                return HttpResponseRedirect(page_of(row.pk))
        shown = showing.describe_set(row, user_of(request))
        for change in shown["changes"]:
            change["edit_url"] = detours.edit_url(row, change["item"])
        context = self.page(
            request,
            row.title,
            form=form,
            may_write=may_write,
            state_pill=self.state_pill(row),
            **shown,
        )
        return TemplateResponse(request, "admin/approvals/changeset/set.html", context)

    def submit_view(self, request: HttpRequest, set_id: uuid.UUID) -> HttpResponse:
        """Propose the set as it was seen."""
        self.find(request, set_id)
        lock = request.POST.get("lock", "")
        try:
            opened = services.submit_change_set(
                actor=actor_of(request),
                set_id=set_id,
                expected_lock=int(lock) if lock.isdecimal() else None,
            )
        except PortwardError as error:
            return _back(request, set_id, error)
        messages.success(request, f"“{opened.title}” waits for approval.")
        return HttpResponseRedirect(pages.page_of(opened.pk))

    def prove_view(self, request: HttpRequest, set_id: uuid.UUID) -> HttpResponse:
        """Have evidence computed for the set as things are now."""
        row = self.find(request, set_id)
        back = page_of(set_id)
        if row.state == ChangeSetState.OPEN and row.request_id:
            back = pages.page_of(row.request_id)
        proving.prove_set(request, row)
        return HttpResponseRedirect(back)

    def discard_view(self, request: HttpRequest, set_id: uuid.UUID) -> HttpResponse:
        """Give the set up."""
        row = self.find(request, set_id)
        try:
            services.discard_change_set(actor=actor_of(request), set_id=set_id)
        except PortwardError as error:
            return _back(request, set_id, error)
        messages.success(request, f"“{row}” is discarded.")
        return HttpResponseRedirect(page_of(set_id))

    def remove_view(
        self, request: HttpRequest, set_id: uuid.UUID, item_id: uuid.UUID
    ) -> HttpResponse:
        """Take a change out of the set."""
        self.find(request, set_id)
        try:
            services.remove_change(
                actor=actor_of(request), set_id=set_id, item_id=item_id
            )
        except PortwardError as error:
            return _back(request, set_id, error)
        messages.success(request, "The change is taken out of the set.")
        return HttpResponseRedirect(page_of(set_id))

    def say_view(self, request: HttpRequest, set_id: uuid.UUID) -> HttpResponse:
        """Say something about the set."""
        return talking.say(request, services.About(self.find(request, set_id)))

    def conflict_view(
        self, request: HttpRequest, set_id: uuid.UUID, item_id: uuid.UUID
    ) -> HttpResponse:
        """Show mine beside theirs, and settle which one it shall be."""
        row = self.find(request, set_id)
        try:
            item = selectors.item_by_id(row, item_id)
        except ChangeNotFoundError as error:
            raise Http404 from error
        if request.method == "POST":
            try:
                services.rebase_change(
                    actor=actor_of(request),
                    set_id=set_id,
                    item_id=item_id,
                    keep=request.POST.get("keep") == "mine",
                )
            except PortwardError as error:
                return _back(request, set_id, error)
            messages.success(request, "The conflict is settled.")
            return HttpResponseRedirect(page_of(set_id))
        context = self.page(
            request,
            f"“{item}” was changed meanwhile",
            row=row,
            may_write=row.is_draft and _may_write(request),
            **showing.describe_conflict(item),
        )
        template = "admin/approvals/changeset/conflict.html"
        return TemplateResponse(request, template, context)


def page_of(set_id: uuid.UUID) -> str:
    """Return the address of the page of a set."""
    return reverse("admin:approvals_changeset_change", args=[set_id])


def _may_write(request: HttpRequest) -> bool:
    try:
        require(user_of(request), TenantRole.SECURITY_ADMIN)
    except ForbiddenError:
        return False
    return True


def _initial(row: ChangeSet) -> dict[str, Any]:
    return {
        "title": row.title,
        "reason": row.reason,
        "activate_at": row.activate_at,
        "lock": row.lock,
    }


def _save_words(request: HttpRequest, row: ChangeSet, form: ChangeSetForm) -> None:
    actor, values = actor_of(request), form.cleaned_data
    services.edit_change_set(
        actor=actor,
        set_id=row.pk,
        title=values["title"],
        reason=values["reason"],
        expected_lock=values["lock"],
    )
    services.schedule_change_set(actor=actor, set_id=row.pk, at=values["activate_at"])


def _refuse(form: ChangeSetForm, error: PortwardError) -> None:
    field = error.field if error.field in form.fields else None
    form.add_error(field, f"{error.message} {error.remedy}".strip())


def _back(
    request: HttpRequest, set_id: uuid.UUID, error: PortwardError
) -> HttpResponse:
    if isinstance(error, ForbiddenError):
        raise PermissionDenied(error.message) from error
    messages.error(request, f"{error.message} {error.remedy}".strip())
    return HttpResponseRedirect(page_of(set_id))
