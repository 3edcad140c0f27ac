"""Versions in the console."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from typing_extensions import override

from apps.policies import selectors
from apps.policies.models import PolicyVersion


@admin.register(PolicyVersion)
class PolicyVersionAdmin(admin.ModelAdmin[PolicyVersion]):
    """Versions, to look at; nothing can change one."""

    lead: ClassVar[str] = "A version comes about when a draft is approved."
    list_display = ["policy_name", "number", "frozen_at", "author_name", "short_digest"]
    list_filter = ["frozen_at"]
    search_fields = ["policy__slug", "policy__name", "digest", "author_name"]
    list_per_page = 50
    show_full_result_count = False
    actions = None
    fields = (
        *("policy_name", "number", "says", "frozen_at", "author_name"),
        *("last_editor_name", "frozen_by_name", "approved_in", "digest", "cedar_text"),
    )
    readonly_fields = fields

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[PolicyVersion]:
        return selectors.versions()

    @admin.display(description="Policy", ordering="policy__name")
    def policy_name(self, version: PolicyVersion) -> str:
        """Show the policy."""
        return version.policy.name

    @admin.display(description="Digest")
    def short_digest(self, version: PolicyVersion) -> str:
        """Show the beginning of the digest."""
        return version.digest.removeprefix("sha256:")[:12]

    @admin.display(description="Says")
    def says(self, version: PolicyVersion) -> str:
        """Show the version in one sentence."""
        return selectors.sentence_of(version.content)

    @admin.display(description="Approved in")
    def approved_in(self, version: PolicyVersion) -> SafeString:
        """Lead to the request."""
        name = "admin:approvals_approvalrequest_change"
        address = reverse(name, args=[version.request_id])
        return format_html('<a href="{}">this request</a>', address)

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
