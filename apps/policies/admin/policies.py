"""Policies in the admin: the list, the editor, the versions."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)
from typing_extensions import override

from apps.accounts.permissions import actor_of
from apps.core.admin import ServiceAdmin
from apps.core.errors import PortwardError
from apps.policies import selectors, services
from apps.policies.admin import conflicts, editing, testing
from apps.policies.admin.findings import TONES, findings_page
from apps.policies.choices import Effect, PolicyState
from apps.policies.errors import DraftChangedError, PolicyInvalidError
from apps.policies.forms import PolicyForm
from apps.policies.models import Policy
from apps.roles.choices import Tier

_TONES = {
    PolicyState.DRAFT: "muted",
    PolicyState.LIVE: "ok",
    PolicyState.SUSPENDED: "warn",
    PolicyState.RETIRED: "bad",
}


@admin.register(Policy)
class PolicyAdmin(ServiceAdmin[Policy]):
    """Edit drafts; propose them for approval."""

    list_display = [
        "name",
        "slug",
        "state_pill",
        "draft_pill",
        "effect",
        "tier",
        "version",
    ]
    list_filter = ["state", "draft__last_editor_name"]
    search_fields = ["name", "slug", "draft__content__owner"]
    ordering = ["slug"]
    actions = ["propose"]
    page_template = "admin/policies/policy.html"
    change_list_template = "admin/policies/policies.html"

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Policy]:
        return selectors.policies()

    @admin.display(description="State", ordering="state")
    def state_pill(self, policy: Policy) -> SafeString:
        """Show the state as a pill."""
        state = PolicyState(policy.state)
        return _pill(_TONES[state], str(state.label))

    @admin.display(description="Draft")
    def draft_pill(self, policy: Policy) -> SafeString:
        """Show whether the draft says something new."""
        return _draft_pill(policy)

    @admin.display(description="Effect")
    def effect(self, policy: Policy) -> SafeString:
        """Show permit or forbid."""
        effect = Effect(policy.draft.content["effect"])
        return _pill("bad" if effect is Effect.FORBID else "muted", str(effect.label))

    @admin.display(description="Tier")
    def tier(self, policy: Policy) -> str:
        """Show the tier."""
        return str(Tier(policy.draft.content["tier"]).label)

    @admin.display(description="Version", ordering="newest_number")
    def version(self, policy: Policy) -> str:
        """Show the number of the newest version."""
        return str(getattr(policy, "newest_number", None) or "-")

    @admin.action(description="Propose selected drafts", permissions=["change"])
    def propose(self, request: HttpRequest, queryset: QuerySet[Policy]) -> HttpResponse:
        """Go on to the page that asks for approval."""
        changed = [p for p in queryset if _has_news(p)]
        if not changed:
            self.message_user(
                request, "These drafts say what is live already.", messages.WARNING
            )
            return redirect("admin:policies_policy_changelist")
        named = ",".join(str(policy.draft.pk) for policy in changed)
        return redirect(f"{reverse('admin:approvals_propose')}?drafts={named}")

    @override
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path(
                "findings/",
                wrap(require_safe(self.findings_view)),
                name="policies_policy_findings",
            ),
            path(
                "preview/",
                wrap(require_POST(self.preview_view)),
                name="policies_policy_preview",
            ),
            path(
                "<uuid:pk>/tests/",
                wrap(require_http_methods(["GET", "HEAD", "POST"])(self.tests_view)),
                name="policies_policy_tests",
            ),
            path(
                "starters/",
                wrap(require_safe(self.starters_view)),
                name="policies_policy_starters",
            ),
            path(
                "find/<str:kind>/",
                wrap(require_safe(self.find_view)),
                name="policies_policy_find",
            ),
        ]
        return [*own, *super().get_urls()]

    def findings_view(self, request: HttpRequest) -> HttpResponse:
        """Show what lint finds in all policies."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), "opts": self.opts}
        return findings_page(request, context)

    def tests_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show the tests of a policy, and change them."""
        return testing.page(self, request, pk)

    def starters_view(self, request: HttpRequest) -> HttpResponse:
        """Show the policies that one can start from."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": "Start from a template",
            "opts": self.opts,
            "starters": selectors.starters(),
        }
        return TemplateResponse(request, "admin/policies/starters.html", context)

    def find_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """Answer with what can be picked."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return editing.find(request, kind)

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Answer with what the typed policy says and compiles to."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return editing.preview(request)

    @override
    def is_to_save(self, request: HttpRequest) -> bool:
        return super().is_to_save(request) and not editing.is_only_asking(request)

    @override
    def make_form(self, request: HttpRequest, row: Policy | None) -> PolicyForm:
        return editing.form_of(request, row)

    @override
    def save(self, request: HttpRequest, form: Form, row: Policy | None) -> Policy:
        assert isinstance(form, PolicyForm)  # noqa: S101  # made above
        content = conflicts.content_of(request, form, row)
        try:
            draft = services.save_draft(
                actor=actor_of(request),
                policy_id=row.pk if row else None,
                content=content,
                expected_lock=form.cleaned_data["lock"] if row else None,
                slug=form.cleaned_data.get("slug", ""),
            )
        except DraftChangedError:
            if row is not None:
                form.conflict = conflicts.show_conflict(request, form, row, content)
            raise
        return draft.policy

    @override
    def show_refusal(self, form: Form, error: PortwardError) -> None:
        if not isinstance(error, PolicyInvalidError) or not isinstance(
            form, PolicyForm
        ):
            super().show_refusal(form, error)
            return
        for _, field, message, remedy in error.problems:
            form.add_error(form.place_of(field), f"{message} {remedy}")

    @override
    def details(self, request: HttpRequest, row: Policy) -> dict[str, Any]:
        versions = list(selectors.versions().filter(policy=row))
        return {
            "draft": row.draft,
            "draft_pill": _draft_pill(row),
            "has_news": _has_news(row),
            "state_pill": self.state_pill(row),
            "live": versions[0] if versions and row.state == PolicyState.LIVE else None,
            "versions": versions,
            "effective": selectors.effective(versions[0]) if versions else None,
            "findings": [
                (one, TONES[one.severity]) for one in selectors.lint_draft(row.draft)
            ],
            "tests": selectors.run_tests(row.draft),
        }

    @override
    def more(
        self, request: HttpRequest, form: Form, row: Policy | None
    ) -> dict[str, Any]:
        assert isinstance(form, PolicyForm)  # noqa: S101  # made above
        return {
            "preview": editing.preview_of(form, row),
            "names_json": json.dumps(selectors.completions()),
            "notice": form.notice,
            "conflict": form.conflict,
        }


def _has_news(policy: Policy) -> bool:
    return policy.draft.digest != getattr(policy, "newest_digest", None)


def _draft_pill(policy: Policy) -> SafeString:
    if policy.state == PolicyState.DRAFT:
        return _pill("warn", "New")
    return _pill("warn", "Changed") if _has_news(policy) else _pill("muted", "As live")


def _pill(tone: str, text: str) -> SafeString:
    return format_html('<span class="pw-pill pw-pill--{}">{}</span>', tone, text)
