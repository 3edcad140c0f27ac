"""Messages, and dead letters to retry."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from typing_extensions import override

from apps.audit.events import Actor
from apps.core.errors import PortwardError
from apps.outbox import services
from apps.outbox.choices import MessageState
from apps.outbox.models import OutboxMessage

_PILLS = {
    MessageState.PENDING: "muted",
    MessageState.LEASED: "warn",
    MessageState.DONE: "ok",
    MessageState.DEAD: "bad",
}


@admin.register(OutboxMessage)
class OutboxMessageAdmin(admin.ModelAdmin[OutboxMessage]):
    """Look at messages; retry dead letters."""

    list_display = ["number", "topic", "pill", "attempts", "created_at", "due_at"]
    list_filter = ["state", "topic"]
    search_fields = ["topic", "last_error"]
    list_per_page = 50
    show_full_result_count = False
    actions = ["retry"]
    fields = (
        *("number", "topic", "pill", "payload", "coalesce_key", "ordering_key"),
        *("attempts", "created_at", "due_at", "leased_until", "done_at", "last_error"),
    )
    readonly_fields = fields

    @admin.display(description="State", ordering="state")
    def pill(self, message: OutboxMessage) -> SafeString:
        """Show the state as a pill."""
        state = MessageState(message.state)
        return format_html(
            '<span class="pw-pill pw-pill--{}">{}</span>', _PILLS[state], state.label
        )

    @admin.action(description="Retry selected dead letters", permissions=["view"])
    def retry(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> None:
        """Put the selected dead letters back in line."""
        user = request.user
        actor = Actor("user", str(user.pk), str(user))
        retried = 0
        for message in queryset:
            try:
                services.retry_dead_letter(actor=actor, message_id=message.pk)
                retried += 1
            except PortwardError as error:
                self.message_user(
                    request, f"{message}: {error.message}", messages.WARNING
                )
        self.message_user(request, f"{retried} messages are back in line.")

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(
        self, request: HttpRequest, obj: OutboxMessage | None = None
    ) -> bool:
        return False

    @override
    def has_delete_permission(
        self, request: HttpRequest, obj: OutboxMessage | None = None
    ) -> bool:
        return False
