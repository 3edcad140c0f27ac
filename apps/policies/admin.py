"""Policies in the admin: the list, the editor, the versions."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from typing_extensions import override

from apps.accounts.permissions import actor_of
from apps.core.admin import ServiceAdmin
from apps.core.errors import PortwardError
from apps.policies import selectors, services
from apps.policies.choices import Effect, PolicyState
from apps.policies.errors import PolicyInvalidError
from apps.policies.forms import PolicyForm, initial_of
from apps.policies.models import Policy, PolicyVersion
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
    def make_form(self, request: HttpRequest, row: Policy | None) -> PolicyForm:
        return PolicyForm(
            request.POST if request.method == "POST" else None,
            initial=initial_of(row.draft.content, row.draft.lock) if row else None,
            catalogue=selectors.catalogue(),
            is_new=row is None,
        )

    @override
    def save(self, request: HttpRequest, form: Form, row: Policy | None) -> Policy:
        assert isinstance(form, PolicyForm)  # noqa: S101  # made above
        draft = services.save_draft(
            actor=actor_of(request),
            policy_id=row.pk if row else None,
            content=_kept(row) | form.content(),
            expected_lock=form.cleaned_data["lock"] if row else None,
            slug=form.cleaned_data.get("slug", ""),
        )
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
            "spans": selectors.spans_of(row.draft.content),
            "live": versions[0] if versions and row.state == PolicyState.LIVE else None,
            "versions": versions,
        }


@admin.register(PolicyVersion)
class PolicyVersionAdmin(admin.ModelAdmin[PolicyVersion]):
    """Versions, to look at; nothing can change one."""

    list_display = ["policy_name", "number", "frozen_at", "author_name", "short_digest"]
    list_filter = ["frozen_at"]
    search_fields = ["policy__slug", "policy__name", "digest", "author_name"]
    list_per_page = 50
    show_full_result_count = False
    actions = None
    fields = (
        *("policy_name", "number", "says", "frozen_at", "author_name"),
        *("last_editor_name", "frozen_by_name", "request_id", "digest", "cedar_text"),
    )
    readonly_fields = fields

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[PolicyVersion]:
        return selectors.versions()

    @admin.display(description="Policy", ordering="policy__slug")
    def policy_name(self, version: PolicyVersion) -> str:
        """Show the policy."""
        return version.policy.slug

    @admin.display(description="Digest")
    def short_digest(self, version: PolicyVersion) -> str:
        """Show the beginning of the digest."""
        return version.digest.removeprefix("sha256:")[:12]

    @admin.display(description="Says")
    def says(self, version: PolicyVersion) -> str:
        """Show the version in one sentence."""
        return selectors.sentence_of(version.content)

    @admin.display(description="Cedar")
    def cedar_text(self, version: PolicyVersion) -> SafeString:
        """Show the statements."""
        return format_html('<pre class="pw-code">{}</pre>', version.cedar)

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(
        self, request: HttpRequest, obj: PolicyVersion | None = None
    ) -> bool:
        return False

    @override
    def has_delete_permission(
        self, request: HttpRequest, obj: PolicyVersion | None = None
    ) -> bool:
        return False


def _kept(policy: Policy | None) -> dict[str, Any]:
    """Return what a draft says beyond what the form shows; saving must not lose it."""
    content: dict[str, Any] = policy.draft.content if policy else {}
    return content


def _has_news(policy: Policy) -> bool:
    return policy.draft.digest != getattr(policy, "newest_digest", None)


def _draft_pill(policy: Policy) -> SafeString:
    if policy.state == PolicyState.DRAFT:
        return _pill("warn", "New")
    return _pill("warn", "Changed") if _has_news(policy) else _pill("muted", "As live")


def _pill(tone: str, text: str) -> SafeString:
    return format_html('<span class="pw-pill pw-pill--{}">{}</span>', tone, text)
