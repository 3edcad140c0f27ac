"""One's own notifications over REST; channels and deliveries to read."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.permissions import TenantScopedView
from apps.accounts.services import PersonHolder
from apps.core.api import Page
from apps.notifications import selectors, services
from apps.notifications.errors import NotificationNotFoundError
from apps.notifications.models import Channel, Delivery, Notification


class ConsoleView(TenantScopedView):
    """Ask for a place in the console: members see what concerns themselves only."""

    @override
    def check_permissions(self, request: Request) -> None:
        """Say whether the token's person, or the client, may read the log."""
        super().check_permissions(request)
        holder = request.auth
        if isinstance(holder, PersonHolder) and not holder.user.has_perm(
            "notifications.view_delivery"
        ):
            raise PermissionDenied


class NewestFirst(Page):
    """Pages with the newest first."""

    ordering = "-created_at"


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    """What a person was told."""

    class Meta:
        model = Notification
        fields = [
            *("id", "event", "title", "body", "path", "data", "is_urgent"),
            *("created_at", "read_at"),
        ]


class ChannelSerializer(serializers.ModelSerializer[Channel]):
    """A channel; its secret is shown once in the console and nowhere else."""

    address = serializers.CharField(source="shown_url")

    class Meta:
        model = Channel
        fields = [
            *("id", "name", "kind", "address", "events", "paused_at", "paused_reason"),
            *("old_secret_until", "created_at"),
        ]


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """One line of the log of deliveries."""

    class Meta:
        model = Delivery
        fields = [
            *("id", "kind", "channel", "event", "title", "target", "state"),
            *("attempts", "status_code", "error", "milliseconds", "created_at"),
            *("tried_at", "sent_at"),
        ]


class NotificationList(TenantScopedView, ListAPIView[Notification]):
    """List what the token's person was told; a client was told nothing."""

    serializer_class = NotificationSerializer
    pagination_class = NewestFirst
    scopes = {"GET": Scope.NOTIFICATIONS_READ}

    @override
    def get_queryset(self) -> QuerySet[Notification]:
        holder = self.request.auth
        if not isinstance(holder, PersonHolder):
            return Notification.objects.none()
        return selectors.inbox(holder.user)


class NotificationRead(TenantScopedView):
    """Mark one notification of the token's person as read."""

    scopes = {"POST": Scope.NOTIFICATIONS_READ}

    @extend_schema(
        operation_id="notifications_read", request=None, responses={204: None}
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Mark it; nothing else changes."""
        holder: Any = request.auth
        if not isinstance(holder, PersonHolder) or not services.mark_read(
            user=holder.user, notification_id=pk
        ):
            raise NotificationNotFoundError
        return Response(status=204)


class ChannelList(ConsoleView, ListAPIView[Channel]):
    """List where else the tenant's notifications go."""

    serializer_class = ChannelSerializer
    scopes = {"GET": Scope.NOTIFICATIONS_READ}

    @override
    def get_queryset(self) -> QuerySet[Channel]:
        return selectors.channels()


class DeliveryList(ConsoleView, ListAPIView[Delivery]):
    """List what went where, and what became of it."""

    serializer_class = DeliverySerializer
    pagination_class = NewestFirst
    scopes = {"GET": Scope.NOTIFICATIONS_READ}

    @override
    def get_queryset(self) -> QuerySet[Delivery]:
        return selectors.deliveries()
