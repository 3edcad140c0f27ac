"""Messages, and dead letters to retry."""

from __future__ import annotations

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from typing_extensions import override

from apps.audit.events import Actor
from apps.core.errors import PortwardError
from apps.outbox import services
from apps.outbox.choices import Lane, MessageState
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

    list_display = [
        "number",
        "topic",
        "lane_pill",
        "pill",
        "attempts",
        "created_at",
        "due_at",
    ]
    list_filter = ["state", "lane", "topic"]
    search_fields = ["topic", "last_error"]
    list_per_page = 50
    show_full_result_count = False
    actions = ["retry"]
    fields = (
        *(
            "number",
            "topic",
            "lane_pill",
            "pill",
            "payload",
            "coalesce_key",
            "ordering_key",
        ),
        *("attempts", "created_at", "due_at", "leased_until", "done_at", "last_error"),
    )
    readonly_fields = fields

    @admin.display(description="Lane", ordering="lane")
    def lane_pill(self, message: OutboxMessage) -> SafeString:
        """Show the lane; one that hurries stands out."""
        lane = Lane(message.lane)
        tone = "warn" if lane is Lane.URGENT else "muted"
        return format_html(
            '<span class="pw-pill pw-pill--{}">{}</span>', tone, lane.label
        )

    @admin.display(description="State", ordering="state")
    def pill(self, message: OutboxMessage) -> SafeString:
        """Show the state as a pill."""
        state = MessageState(message.state)
        return format_html(
            '<span class="pw-pill pw-pill--{}">{}</span>', _PILLS[state], state.label
        )

    @admin.action(description="Retry selected dead letters", permissions=["retry"])
    def retry(
        self, request: HttpRequest, queryset: QuerySet[OutboxMessage]
    ) -> HttpResponse | None:
        """Ask for confirmation, then put the selected dead letters back in line."""
        dead = list(queryset.filter(state=MessageState.DEAD))
        if not dead:
            self.message_user(request, "None of these is a dead letter.")
            return None
        if request.POST.get("confirmed") != "yes":
            context = {
                **self.admin_site.each_context(request),
                "title": "Retry dead letters?",
                "dead_letters": dead,
                "checkbox_name": helpers.ACTION_CHECKBOX_NAME,
            }
            name = "admin/outbox/outboxmessage/retry.html"
            return TemplateResponse(request, name, context)
        for message in dead:
            self._retry_one(request, message)
        return None

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Let those act who may change messages; whoever may only look cannot."""
        return request.user.has_perm("outbox.change_outboxmessage")

    def _retry_one(self, request: HttpRequest, message: OutboxMessage) -> None:
        actor = Actor("user", str(request.user.pk), str(request.user))
        try:
            services.retry_dead_letter(actor=actor, message_id=message.pk)
        except PortwardError as error:
            self.message_user(request, f"{message}: {error.message}", messages.WARNING)
        else:
            self.message_user(request, f"{message} is back in line.")

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
