"""One's own notifications over REST; channels, and deliveries to read."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.permissions import TenantScopedView
from apps.accounts.services import PersonHolder, actor_for
from apps.core.api import Page, require_match, with_etag
from apps.notifications import selectors, services
from apps.notifications.choices import ChannelKind, Event
from apps.notifications.errors import ChannelNotFoundError, NotificationNotFoundError
from apps.notifications.models import Channel, Delivery, Notification
from apps.signin.permissions import OperationBoundView, holder_of
from apps.signin.rules.operations import Operation

_IF_MATCH = OpenApiParameter(
    "If-Match",
    location=OpenApiParameter.HEADER,
    required=True,
    description="The ETag of the state that the change is about.",
)


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
    """A channel; its secret is shown once, when it is made."""

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


class ChannelInput(serializers.Serializer[Any]):
    """What a channel is to be; without an address it keeps the one it has."""

    name = serializers.CharField(max_length=Channel.NAME_LENGTH)
    url = serializers.URLField(max_length=2000, required=False, default="")
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=Event.choices),
        required=False,
        default=list,
    )


class NewChannelInput(ChannelInput):
    """A channel to add: its kind stays as it is."""

    kind = serializers.ChoiceField(choices=ChannelKind.choices)
    url = serializers.URLField(max_length=2000)


class NewChannelSerializer(ChannelSerializer):
    """A channel with its secret, which is not shown again; only a webhook has one."""

    secret = serializers.CharField(read_only=True)

    class Meta(ChannelSerializer.Meta):
        fields = [*ChannelSerializer.Meta.fields, "secret"]


class SecretSerializer(serializers.Serializer[Any]):
    """A new secret; the one before signs for another day."""

    secret = serializers.CharField()


class ChannelList(OperationBoundView, ConsoleView, ListAPIView[Channel]):
    """List where else the tenant's notifications go, and add a place."""

    serializer_class = ChannelSerializer
    scopes = {"GET": Scope.NOTIFICATIONS_READ, "POST": Scope.NOTIFICATIONS_WRITE}
    operations = {"POST": Operation.CHANGE_ACCESS}
    answers_secrets = True

    @override
    def get_queryset(self) -> QuerySet[Channel]:
        return selectors.channels()

    @extend_schema(
        operation_id="channels_create",
        request=NewChannelInput,
        responses={201: NewChannelSerializer},
    )
    @transaction.atomic
    def post(self, request: Request) -> Response:
        """Add a channel; the address is looked at as in the console."""
        _require_admin(request, "add")
        sent = _sent(NewChannelInput, request)
        kind = ChannelKind(sent.pop("kind"))
        row, secret = services.create_channel(
            actor=actor_for(holder_of(request).user),
            kind=kind,
            spec=services.ChannelSpec(**sent),
        )
        shown = ChannelSerializer(row).data
        answer = with_etag(shown, 201)
        answer.data = {**shown, "secret": secret}
        return answer


class ChannelDetail(OperationBoundView, ConsoleView):
    """One channel."""

    scopes = {
        "GET": Scope.NOTIFICATIONS_READ,
        "PUT": Scope.NOTIFICATIONS_WRITE,
        "DELETE": Scope.NOTIFICATIONS_WRITE,
    }
    operations = dict.fromkeys(("PUT", "DELETE"), Operation.CHANGE_ACCESS)

    @extend_schema(operation_id="channels_retrieve", responses={200: ChannelSerializer})
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one channel."""
        return with_etag(ChannelSerializer(_channel(pk)).data)

    @extend_schema(
        operation_id="channels_replace",
        parameters=[_IF_MATCH],
        request=ChannelInput,
        responses={200: ChannelSerializer},
    )
    @transaction.atomic
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Change what goes there, or where it leads."""
        _require_admin(request, "change")
        row = _matching(request, pk)
        row = services.change_channel(
            actor=actor_for(holder_of(request).user),
            channel_id=row.pk,
            spec=services.ChannelSpec(**_sent(ChannelInput, request)),
        )
        return with_etag(ChannelSerializer(row).data)

    @extend_schema(
        operation_id="channels_delete",
        parameters=[_IF_MATCH],
        request=None,
        responses={204: None},
    )
    @transaction.atomic
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Remove a channel; the log keeps what was sent there."""
        _require_admin(request, "delete")
        row = _matching(request, pk)
        services.remove_channel(
            actor=actor_for(holder_of(request).user), channel_id=row.pk
        )
        return Response(status=204)


class ChannelSecret(OperationBoundView, ConsoleView):
    """The secret that a webhook's messages are signed with."""

    scopes = {"POST": Scope.NOTIFICATIONS_WRITE}
    operations = {"POST": Operation.CHANGE_ACCESS}
    answers_secrets = True

    @extend_schema(
        operation_id="channels_rotate_secret",
        request=None,
        responses={201: SecretSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Replace the secret, and show the new one once."""
        _require_admin(request, "change")
        secret = services.rotate_secret(
            actor=actor_for(holder_of(request).user), channel_id=_channel(pk).pk
        )
        return Response({"secret": secret}, status=201)


def _require_admin(request: Request, action: str) -> None:
    if not holder_of(request).user.has_perm(f"notifications.{action}_channel"):
        raise PermissionDenied


def _channel(pk: uuid.UUID) -> Channel:
    row = selectors.channels().filter(pk=pk).first()
    if row is None:
        raise ChannelNotFoundError
    return row


def _matching(request: Request, pk: uuid.UUID) -> Channel:
    """Return a channel, locked, if it is what the change is about."""
    row = selectors.channels().select_for_update(of=("self",)).filter(pk=pk).first()
    if row is None:
        raise ChannelNotFoundError
    require_match(request, ChannelSerializer(row).data)
    return row


def _sent(kind: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    sent = kind(data=request.data)
    sent.is_valid(raise_exception=True)
    return dict(sent.validated_data)


class DeliveryList(ConsoleView, ListAPIView[Delivery]):
    """List what went where, and what became of it."""

    serializer_class = DeliverySerializer
    pagination_class = NewestFirst
    scopes = {"GET": Scope.NOTIFICATIONS_READ}

    @override
    def get_queryset(self) -> QuerySet[Delivery]:
        return selectors.deliveries()
