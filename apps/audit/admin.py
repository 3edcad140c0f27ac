"""The trail, to look at."""

from __future__ import annotations

import json

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from typing_extensions import override

from apps.audit.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(admin.ModelAdmin[AuditEntry]):
    """Search and read entries; nothing here can change one."""

    list_display = ["sequence", "at", "action", "target", "actor_name", "actor_kind"]
    list_filter = ["actor_kind", "action"]
    date_hierarchy = "at"
    search_fields = ["action", "actor_name", "target_type", "target_id"]
    list_per_page = 50
    show_full_result_count = False
    fields = (
        *("sequence", "at", "action", "target", "actor_name", "actor_kind"),
        *("actor_id", "actor_credential", "before_json", "after_json"),
        *("context_json", "previous_hash", "hash"),
    )
    readonly_fields = fields

    @admin.display(description="Target")
    def target(self, entry: AuditEntry) -> str:
        """Name what the entry is about."""
        return f"{entry.target_type} {entry.target_id}"

    @admin.display(description="Before")
    def before_json(self, entry: AuditEntry) -> SafeString:
        """Show the state before."""
        return _pretty(entry.before)

    @admin.display(description="After")
    def after_json(self, entry: AuditEntry) -> SafeString:
        """Show the state after."""
        return _pretty(entry.after)

    @admin.display(description="Context")
    def context_json(self, entry: AuditEntry) -> SafeString:
        """Show what else was known."""
        return _pretty(entry.context)

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(
        self, request: HttpRequest, obj: AuditEntry | None = None
    ) -> bool:
        return False

    @override
    def has_delete_permission(
        self, request: HttpRequest, obj: AuditEntry | None = None
    ) -> bool:
        return False


def _pretty(value: object) -> SafeString:
    text = json.dumps(value, indent=2, ensure_ascii=False) if value else "—"
    return format_html('<pre class="pw-code">{}</pre>', text)
