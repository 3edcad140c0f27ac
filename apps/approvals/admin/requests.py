"""Pages of requests: the list, one request with its votes, proposing, cancelling."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from typing_extensions import override

from apps.accounts.choices import TenantRole
from apps.accounts.models import User
from apps.accounts.permissions import actor_of, require, user_of
from apps.approvals import selectors, services
from apps.approvals.admin import assignments, pages, proving, showing, talking, votes
from apps.approvals.admin.shown import ShownAdmin
from apps.approvals.choices import RequestState
from apps.approvals.forms import CallOffForm, CancelForm, ProposeForm
from apps.approvals.models import ApprovalRequest
from apps.core.errors import ForbiddenError, PortwardError


@admin.register(ApprovalRequest)
class ApprovalRequestAdmin(ShownAdmin[ApprovalRequest]):
    """Show requests; every act on one is a view of its own that calls a service."""

    list_display = [
        "title",
        "kind",
        "state_pill",
        "votes_so_far",
        "opened_by",
        "opened",
    ]
    list_filter = ["kind", "state", "created_at"]
    search_fields = ["title", "reason", "opened_by_name", "digest"]
    change_list_template = "admin/approvals/approvalrequest/change_list.html"

    @override
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        vote = "<uuid:request_id>/vote/"
        own = [
            path("propose/", wrap(self.propose_view), name="approvals_propose"),
            path(
                "assignment/",
                wrap(self.assignment_view),
                name="approvals_request_assignment",
            ),
            path(
                "<uuid:request_id>/comments/",
                wrap(require_POST(self.say_view)),
                name="approvals_request_say",
            ),
            path(
                "<uuid:request_id>/evidence/",
                wrap(require_POST(self.prove_view)),
                name="approvals_request_prove",
            ),
            path(
                "<uuid:request_id>/call-off/",
                wrap(self.call_off_view),
                name="approvals_call_off",
            ),
            path(
                "<uuid:request_id>/cancel/",
                wrap(self.cancel_view),
                name="approvals_cancel",
            ),
            path(
                f"{vote}options/",
                wrap(require_POST(self.vote_options_view)),
                name="approvals_vote_options",
            ),
            path(vote, wrap(require_POST(self.vote_view)), name="approvals_vote"),
        ]
        return own + super().get_urls()

    @override
    def read(self, row_id: uuid.UUID) -> ApprovalRequest:
        return selectors.request_by_id(row_id)

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description="State", ordering="state")
    def state_pill(self, request: ApprovalRequest) -> SafeString:
        """Show the state as a colored word."""
        return pages.state_pill(request)

    @admin.display(description="Approvals")
    def votes_so_far(self, request: ApprovalRequest) -> str:
        """Show how many of the approvals needed are there."""
        progress = selectors.progress_of(request, pages.directory_of(request))
        quorum = progress.stages[progress.current]
        text = f"{quorum.approvals} of {quorum.needed}"
        several = len(progress.stages) > 1
        return f"{text}, stage {progress.current + 1}" if several else text

    @admin.display(description="Waiting for")
    def waits_for(self, request: ApprovalRequest) -> str:
        """Name who may decide now; silence is theirs to end."""
        return pages.waits_for(request)

    @admin.display(description="Opened by", ordering="opened_by_name")
    def opened_by(self, request: ApprovalRequest) -> str:
        """Show who proposed the change."""
        return request.opened_by_name

    @admin.display(description="Opened", ordering="created_at")
    def opened(self, request: ApprovalRequest) -> str:
        """Show when the request was opened."""
        return f"{request.created_at:%Y-%m-%d %H:%M} UTC"

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[ApprovalRequest]:
        return super().get_queryset(request).prefetch_related("items", "votes")

    @override
    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Read the people of the tenant once for all rows of the list."""
        found = super().get_changelist_instance(request)
        pages.share_directory(found.result_list)
        return found

    @override
    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        counters = [
            (state, pages.TONES[state], count)
            for state, count in (
                (RequestState(name), count)
                for name, count in selectors.counters().items()
            )
        ]
        context = {"title": "Requests", "counters": counters}
        return super().changelist_view(request, context | (extra_context or {}))

    @override
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show what a request changes, who voted, and what this person may do."""
        change_request = self.find(request, pages.parse_id(object_id))
        context = self.page(
            request, change_request.title, **pages.describe(change_request)
        )
        context |= pages.what_next(context["standing"], user_of(request))
        context |= beside(change_request, user_of(request))
        args = [change_request.pk]
        context |= {
            "vote_options_url": reverse("admin:approvals_vote_options", args=args),
            "vote_url": reverse("admin:approvals_vote", args=args),
            "prove_url": reverse("admin:approvals_request_prove", args=args),
        }
        return TemplateResponse(
            request, "admin/approvals/approvalrequest/request.html", context
        )

    def propose_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for the words that go with a set of drafts, and open the request."""
        try:
            require(user_of(request), TenantRole.SECURITY_ADMIN)
        except ForbiddenError as error:
            raise PermissionDenied(error.message) from error
        drafts = pages.wanted_drafts(request)
        form = ProposeForm(request.POST or None, label_suffix="")
        if request.method == "POST" and form.is_valid():
            try:
                opened = services.open_request(
                    actor=actor_of(request), draft_ids=drafts, **form.cleaned_data
                )
            except PortwardError as error:
                field = error.field if error.field in form.fields else None
                form.add_error(field, f"{error.message} {error.remedy}".strip())
            else:
                messages.success(request, f"“{opened.title}” waits for approval.")
                return HttpResponseRedirect(pages.page_of(opened.pk))
        try:
            proposals = selectors.proposals(drafts)
        except PortwardError as error:
            messages.error(request, f"{error.message} {error.remedy}".strip())
            proposals = []
        changes = [pages.proposed(proposal) for proposal in proposals]
        context = self.page(
            request,
            "Propose changes",
            form=form,
            changes=changes,
            preview=selectors.preview_change(proposals, user_of(request).pk),
        )
        return TemplateResponse(
            request, "admin/approvals/approvalrequest/propose.html", context
        )

    def assignment_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a role to be assigned."""
        shared = self.page(request, "Request an assignment")
        return assignments.request_view(request, shared)

    def say_view(self, request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
        """Say something about the request."""
        found = self.find(request, request_id)
        return talking.say(request, services.about_request(found))

    def cancel_view(self, request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
        """Ask whether to withdraw a request, then do it."""
        change_request = self.find(request, request_id)
        standing = selectors.standing_of(change_request)
        may_cancel = pages.what_next(standing, user_of(request))["may_cancel"]
        if change_request.is_open and not may_cancel:
            raise PermissionDenied
        form = CancelForm(request.POST or None, label_suffix="")
        if request.method == "POST" and form.is_valid():
            try:
                services.cancel_request(
                    actor=actor_of(request),
                    request_id=request_id,
                    reason=form.cleaned_data["reason"],
                )
            except PortwardError as error:
                messages.error(request, f"{error.message} {error.remedy}".strip())
            else:
                messages.success(request, f"“{change_request.title}” is cancelled.")
            return HttpResponseRedirect(pages.page_of(request_id))
        context = self.page(
            request, "Cancel the request", form=form, change_request=change_request
        )
        return TemplateResponse(
            request, "admin/approvals/approvalrequest/cancel.html", context
        )

    def call_off_view(
        self, request: HttpRequest, request_id: uuid.UUID
    ) -> HttpResponse:
        """Ask whether to call off what is to come into force later, then do it."""
        found = self.find(request, request_id)
        try:
            require(user_of(request), TenantRole.SECURITY_ADMIN)
        except ForbiddenError as error:
            raise PermissionDenied(error.message) from error
        form = CallOffForm(request.POST or None, label_suffix="")
        if request.method == "POST" and form.is_valid():
            try:
                services.cancel_activation(
                    actor=actor_of(request),
                    request_id=request_id,
                    reason=form.cleaned_data["reason"],
                )
            except PortwardError as error:
                form.add_error(None, f"{error.message} {error.remedy}".strip())
            else:
                messages.success(request, f"“{found.title}” is called off.")
                return HttpResponseRedirect(pages.page_of(request_id))
        context = self.page(
            request,
            "Call it off",
            form=form,
            change_request=found,
            effective=pages.activation_of(found),
        )
        return TemplateResponse(
            request, "admin/approvals/approvalrequest/call_off.html", context
        )

    def prove_view(self, request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
        """Have the evidence computed as things are now."""
        proving.prove_request(request, self.find(request, request_id))
        return HttpResponseRedirect(pages.page_of(request_id))

    def vote_options_view(
        self, request: HttpRequest, request_id: uuid.UUID
    ) -> HttpResponse:
        """Answer with what the passkey has to sign."""
        return votes.answer(request, request_id, votes.begin)

    def vote_view(self, request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
        """Record the vote that the passkey signed."""
        return votes.answer(request, request_id, votes.record)


def beside(change_request: ApprovalRequest, user: User) -> dict[str, Any]:
    """Return what stands beside a request: evidence, talk, and what was like it."""
    proof = selectors.proof_of_request(change_request)
    effective = pages.activation_of(change_request)
    is_later = effective is not None and effective.is_later
    said = selectors.comments_on(change_request)
    items = change_request.items.all()
    return {
        "change_set": selectors.set_of_request(change_request),
        "signed_set": change_request.document.get("change_set"),
        "effective": effective,
        "may_call_off": change_request.state == RequestState.APPROVED
        and is_later
        and selectors.SECURITY_ADMIN in selectors.roles_of(user.pk),
        "proof": showing.describe_proof(proof),
        "progress_url": showing.progress_url(proof),
        "needs_proof": "evidence" in change_request.document,
        "unproven": selectors.missing_proof(change_request, proof)
        if change_request.is_open
        else "",
        "talk": showing.describe_talk(selectors.threads(said), user),
        "talk_items": [(f"{i.kind}:{i.slug}", i.name) for i in items if i.slug],
        "similar": showing.similar_to(change_request),
    }
