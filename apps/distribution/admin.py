"""What nodes decided, to look at."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from typing_extensions import override

from apps.distribution.models import DecisionRecord


@admin.register(DecisionRecord)
class DecisionRecordAdmin(admin.ModelAdmin[DecisionRecord]):
    """Search and read decisions; nothing here can change one."""

    list_display = ["last_at", "verdict", "who", "action", "what", "node", "count"]
    list_filter = ["is_allowed", "reason", "node"]
    date_hierarchy = "last_at"
    search_fields = ["principal_key", "action", "resource_key", "evaluation_id"]
    list_per_page = 50
    show_full_result_count = False
    fields = (
        *("evaluation_id", "verdict", "who", "action", "what", "node", "revision"),
        *("reason", "determining", "grants", "first_at", "last_at", "count"),
    )
    readonly_fields = fields

    @admin.display(description="Verdict", ordering="is_allowed")
    def verdict(self, row: DecisionRecord) -> SafeString:
        """Show the answer as a colored word."""
        tone, word = ("ok", "permitted") if row.is_allowed else ("bad", "denied")
        return format_html('<span class="pw-pill pw-pill--{}">{}</span>', tone, word)

    @admin.display(description="Principal", ordering="principal_key")
    def who(self, row: DecisionRecord) -> str:
        """Name who asked."""
        return f"{row.principal_type} {row.principal_key}"

    @admin.display(description="Resource", ordering="resource_key")
    def what(self, row: DecisionRecord) -> str:
        """Name what it was about."""
        return f"{row.resource_type} {row.resource_key}"

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[DecisionRecord]:
        return super().get_queryset(request).select_related("node")

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(
        self, request: HttpRequest, obj: DecisionRecord | None = None
    ) -> bool:
        return False

    @override
    def has_delete_permission(
        self, request: HttpRequest, obj: DecisionRecord | None = None
    ) -> bool:
        return False
