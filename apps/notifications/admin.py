"""Channels of a tenant, and the log of what went where."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST
from typing_extensions import override

from apps.accounts.permissions import actor_of
from apps.core.admin import ServiceAdmin
from apps.core.errors import PortwardError
from apps.notifications import selectors, services
from apps.notifications.choices import ChannelKind, DeliveryState, Event
from apps.notifications.forms import ChannelForm, NewChannelForm
from apps.notifications.models import Channel, Delivery

PAGE = "admin:notifications_channel_change"
_TONES = {
    DeliveryState.WAITING: "muted",
    DeliveryState.RETRYING: "warn",
    DeliveryState.SENT: "ok",
    DeliveryState.FAILED: "bad",
}


def _pill(state: str) -> SafeString:
    known = DeliveryState(state)
    return format_html(
        '<span class="pw-pill pw-pill--{}">{}</span>', _TONES[known], known.label
    )


@admin.register(Channel)
class ChannelAdmin(ServiceAdmin[Channel]):
    """Where else notifications go."""

    list_display = ["name", "kind", "shown_url", "state_pill", "event_list"]
    list_filter = ["kind"]
    search_fields = ["name", "shown_url"]
    page_form = ChannelForm
    page_template = "admin/notifications/channel/page.html"
    lead = (
        "Messages say who, what, risk, for how long and until when, and link to the "
        "page on which a person acts with their passkey. Nobody approves in a chat."
    )

    @admin.display(description="State")
    def state_pill(self, channel: Channel) -> SafeString:
        """Show whether anything goes there."""
        tone, word = ("warn", "Paused") if channel.paused_at else ("ok", "Active")
        return format_html('<span class="pw-pill pw-pill--{}">{}</span>', tone, word)

    @admin.display(description="What goes there")
    def event_list(self, channel: Channel) -> str:
        """Show the events."""
        if not channel.events:
            return "Everything"
        return ", ".join(Event(event).label for event in channel.events)

    @override
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            ("test", self.test_view),
            ("rotate", self.rotate_view),
            ("state", self.state_view),
            ("remove", self.remove_view),
        ]
        return [
            path(
                f"<uuid:pk>/{name}/",
                wrap(require_POST(view)),
                name=f"notifications_channel_{name}",
            )
            for name, view in own
        ] + super().get_urls()

    @override
    def initial(self, row: Channel) -> dict[str, Any]:
        return {"name": row.name, "events": row.events}

    @override
    def save(
        self, request: HttpRequest, form: forms.Form, row: Channel | None
    ) -> Channel:
        if row is None or not isinstance(form, ChannelForm):
            raise PermissionDenied
        return services.change_channel(
            actor=actor_of(request), channel_id=row.pk, spec=form.spec()
        )

    @override
    def details(self, request: HttpRequest, row: Channel) -> dict[str, Any]:
        latest = [
            (delivery, _pill(delivery.state))
            for delivery in selectors.latest_deliveries(row)
        ]
        return {
            "kind": ChannelKind(row.kind).label,
            "is_webhook": row.kind == ChannelKind.WEBHOOK,
            "state_pill": self.state_pill(row),
            "latest": latest,
        }

    @override
    @method_decorator(never_cache)
    @method_decorator(sensitive_variables("secret"))
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Add a channel; the secret of a webhook is shown this one time."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewChannelForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                row, secret = services.create_channel(
                    actor=actor_of(request),
                    kind=ChannelKind(form.cleaned_data["kind"]),
                    spec=form.spec(),
                )
            except PortwardError as error:
                self.show_refusal(form, error)
            else:
                return self._done(request, row, secret)
        context = {
            **self.admin_site.each_context(request),
            "title": "Add a notification channel",
            "opts": self.opts,
            "form": form,
            "lead": self.lead,
            "list_url": self._address("changelist"),
            "may_change": True,
        }
        return TemplateResponse(request, "admin/service_form.html", context)

    def test_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Send a test message."""
        row = self._changeable(request, pk)
        services.send_test(actor=actor_of(request), channel_id=row.pk)
        messages.info(
            request, "A test is on its way; what became of it shows here in a moment."
        )
        return redirect(PAGE, row.pk)

    @method_decorator(never_cache)
    @method_decorator(sensitive_variables("secret"))
    def rotate_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Make a new secret, and show it this one time."""
        row = self._changeable(request, pk)
        try:
            secret = services.rotate_secret(actor=actor_of(request), channel_id=row.pk)
        except PortwardError as error:
            messages.error(request, f"{error.message} {error.remedy}".strip())
            return redirect(PAGE, row.pk)
        return self._done(request, row, secret)

    def state_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Pause a channel, or let it work again."""
        row = self._changeable(request, pk)
        is_paused = row.paused_at is None
        services.set_paused(
            actor=actor_of(request), channel_id=row.pk, is_paused=is_paused
        )
        said = "is paused; nothing goes there" if is_paused else "works again"
        messages.success(request, f"“{row}” {said}.")
        return redirect(PAGE, row.pk)

    def remove_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Delete a channel."""
        row = self._changeable(request, pk)
        services.remove_channel(actor=actor_of(request), channel_id=row.pk)
        messages.success(request, f"“{row}” is deleted.")
        return redirect("admin:notifications_channel_changelist")

    def _changeable(self, request: HttpRequest, pk: uuid.UUID) -> Channel:
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        return row

    def _done(self, request: HttpRequest, row: Channel, secret: str) -> HttpResponse:
        if not secret:
            messages.success(request, f"“{row}” is saved.")
            return redirect(PAGE, row.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Secret of {row.name}",
            "row": row,
            "secret": secret,
        }
        page = "admin/notifications/channel/secret.html"
        return TemplateResponse(request, page, context)


@admin.register(Delivery)
class DeliveryAdmin(admin.ModelAdmin[Delivery]):
    """What went where, and what became of it. Only to look at."""

    list_display = ["title", "kind", "target", "pill", "status_code", "created_at"]
    list_filter = ["state", "kind", "event"]
    search_fields = ["title", "target", "error"]
    list_per_page = 50
    show_full_result_count = False
    actions = None
    fields = (
        *("created_at", "title", "event", "kind", "target", "pill", "attempts"),
        *("status_code", "milliseconds", "error", "tried_at", "sent_at", "content"),
    )
    readonly_fields = fields

    @admin.display(description="State", ordering="state")
    def pill(self, delivery: Delivery) -> SafeString:
        """Show the state as a pill."""
        return _pill(delivery.state)

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(
        self, request: HttpRequest, obj: Delivery | None = None
    ) -> bool:
        return False

    @override
    def has_delete_permission(
        self, request: HttpRequest, obj: Delivery | None = None
    ) -> bool:
        return False
