"""Operation tokens, sessions and freezes over REST."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.accounts import services as accounts
from apps.accounts.choices import Scope
from apps.accounts.models import Freeze
from apps.accounts.permissions import TenantScopedView
from apps.accounts.selectors import members
from apps.accounts.services import PersonHolder, actor_for
from apps.core.errors import InvalidError, NotFoundError
from apps.core.views import credential_in
from apps.signin import selectors, services
from apps.signin.choices import EndReason
from apps.signin.errors import OperationInvalidError, SessionNotFoundError
from apps.signin.models import PendingOperation, SignIn
from apps.signin.permissions import OperationBoundView, holder_of
from apps.signin.rules.operations import REQUIREMENTS, Operation

_DIGEST = re.compile(r"^[0-9a-f]{64}$")
_METHODS = ("POST", "PUT", "PATCH", "DELETE")


class OperationRequestSerializer(serializers.Serializer[Any]):
    """What a program is about to do for its person."""

    operation = serializers.ChoiceField(choices=[op.value for op in Operation])
    method = serializers.ChoiceField(choices=_METHODS)
    path = serializers.CharField(
        max_length=2000, help_text="Path and query, as /api/v1/sessions/…"
    )
    body_digest = serializers.RegexField(
        _DIGEST,
        help_text="SHA-256 of the body that will be sent, in hexadecimal; of no bytes "
        "if there will be none.",
    )


class OperationSerializer(serializers.Serializer[Any]):
    """An operation on its way to being confirmed."""

    id = serializers.UUIDField()
    operation = serializers.CharField()
    state = serializers.ChoiceField(choices=["pending", "confirmed"])
    digest = serializers.CharField(help_text="What the passkey signs, in hexadecimal.")
    expires_at = serializers.DateTimeField()
    confirm_url = serializers.URLField(
        help_text="Where the person confirms it with their passkey."
    )
    ceremony = serializers.UUIDField(required=False)
    public_key = serializers.JSONField(
        required=False, help_text="PublicKeyCredentialRequestOptionsJSON"
    )
    operation_token = serializers.CharField(
        required=False, help_text="Given once, as soon as the operation is confirmed."
    )


class AssertionSerializer(serializers.Serializer[Any]):
    """The answer of an authenticator."""

    ceremony = serializers.UUIDField()
    credential = serializers.JSONField(help_text="AuthenticationResponseJSON")


class OperationTokens(TenantScopedView):
    """Ask for the right to do one sensitive operation, once, within five minutes."""

    answers_secrets = True
    scopes = {"POST": Scope.OPERATIONS_CONFIRM}

    @extend_schema(
        operation_id="operation_tokens_create",
        request=OperationRequestSerializer,
        responses={201: OperationSerializer},
    )
    def post(self, request: Request) -> Response:
        """Register an operation; its person confirms it with a passkey."""
        holder = holder_of(request)
        wanted = OperationRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        fields = wanted.validated_data
        if not fields["path"].startswith(reverse("api:tenants").rsplit("/", 1)[0]):
            raise OperationInvalidError("This is no address of the API.", field="path")
        found = services.request_operation(
            user=holder.user,
            requester=str(holder.token_id),
            operation=Operation(fields["operation"]),
            method=fields["method"],
            path=fields["path"],
            body_digest=fields["body_digest"],
            tenant_id=holder.tenant_id,
        )
        options = services.begin_proof(
            user=holder.user, session_key=str(holder.token_id), pending=found
        )
        body = _operation(found) | {
            "ceremony": str(options.ceremony_id),
            "public_key": options.public_key,
        }
        return Response(body, status=201)


class OperationTokenDetail(TenantScopedView):
    """See whether an operation was confirmed, and collect its token once."""

    scopes = {"GET": Scope.OPERATIONS_CONFIRM}

    @extend_schema(
        operation_id="operation_tokens_retrieve", responses={200: OperationSerializer}
    )
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Return the state, and the token if it was confirmed since."""
        holder = holder_of(request)
        found = _own(holder, pk)
        token = services.collect_token(
            user=holder.user, requester=str(holder.token_id), operation_id=pk
        )
        return Response(_operation(found, token))


class OperationAssertion(TenantScopedView):
    """Confirm an operation with an authenticator that the program itself can reach."""

    answers_secrets = True
    scopes = {"POST": Scope.OPERATIONS_CONFIRM}

    @extend_schema(
        operation_id="operation_tokens_confirm",
        request=AssertionSerializer,
        responses={200: OperationSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Accept the assertion, and return the operation token."""
        holder = holder_of(request)
        answer = AssertionSerializer(data=request.data)
        answer.is_valid(raise_exception=True)
        found = _own(holder, pk)
        services.confirm(
            user=holder.user,
            pending=found,
            ceremony_id=str(answer.validated_data["ceremony"]),
            credential=credential_in(answer.validated_data),
        )
        token = services.collect_token(
            user=holder.user, requester=str(holder.token_id), operation_id=pk
        )
        found.refresh_from_db()
        return Response(_operation(found, token))


class SessionSerializer(serializers.ModelSerializer[SignIn]):
    """A session of a member."""

    username = serializers.CharField(source="user.username")
    acr = serializers.SerializerMethodField()
    device_trusted = serializers.SerializerMethodField()

    class Meta:
        model = SignIn
        fields = [
            *("id", "username", "started_at", "last_seen_at", "expires_at", "ended_at"),
            *("end_reason", "label", "address", "country", "city", "provider", "acr"),
            *("risk", "risk_reasons", "device_trusted"),
        ]

    def get_acr(self, row: SignIn) -> str:
        """Return the level that was proven."""
        return row.level.value_name

    def get_device_trusted(self, row: SignIn) -> bool:
        """Return whether its person marked the device as trusted."""
        return row.device is not None and row.device.trusted_at is not None


class SessionList(TenantScopedView, ListAPIView[SignIn]):
    """List the live sessions of the tenant's members."""

    serializer_class = SessionSerializer
    scopes = {"GET": Scope.SESSIONS_READ}

    @override
    def get_queryset(self) -> QuerySet[SignIn]:
        live = selectors.live_sign_ins().values("pk")
        return selectors.sign_ins_of_members().filter(pk__in=live)


class SessionDetail(OperationBoundView, GenericAPIView[SignIn]):
    """One session of a member."""

    serializer_class = SessionSerializer
    scopes = {"GET": Scope.SESSIONS_READ, "DELETE": Scope.SESSIONS_WRITE}
    operations = {"DELETE": Operation.END_SESSION}

    @override
    def get_queryset(self) -> QuerySet[SignIn]:
        return selectors.sign_ins_of_members()

    @extend_schema(operation_id="sessions_retrieve")
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one session."""
        return Response(self.get_serializer(self._row(pk)).data)

    @extend_schema(operation_id="sessions_end", request=None, responses={204: None})
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """End a session; its next request is turned away."""
        row = self._row(pk)
        services.end_session(
            actor=actor_for(holder_of(request).user),
            sign_in_id=row.pk,
            reason=EndReason.KILLED,
        )
        return Response(status=204)

    def _row(self, pk: uuid.UUID) -> SignIn:
        row = self.get_queryset().filter(pk=pk).first()
        if row is None:
            raise SessionNotFoundError
        return row


class FreezeSerializer(serializers.ModelSerializer[Freeze]):
    """A freeze of a person or of one of their sessions."""

    username = serializers.CharField(source="user.username", read_only=True)

    class Meta:
        model = Freeze
        fields = [
            *("id", "username", "sign_in_id", "reason", "instructions", "is_automatic"),
            *("created_by", "created_at", "expires_at", "appeal", "appealed_at"),
            *("lifted_at", "lifted_by", "lift_reason"),
        ]


class FreezeRequestSerializer(serializers.Serializer[Any]):
    """Whom to freeze, why and for how long."""

    username = serializers.CharField(max_length=150)
    session = serializers.UUIDField(required=False)
    reason = serializers.CharField(max_length=500)
    instructions = serializers.CharField(
        max_length=500, required=False, allow_blank=True, default=""
    )
    hours = serializers.IntegerField(min_value=1, max_value=720)


class LiftSerializer(serializers.Serializer[Any]):
    """Why a freeze is lifted."""

    reason = serializers.CharField(max_length=500)


class FreezeList(OperationBoundView, ListAPIView[Freeze]):
    """List freezes, and make one."""

    serializer_class = FreezeSerializer
    scopes = {"GET": Scope.FREEZES_READ, "POST": Scope.FREEZES_WRITE}
    operations = {"POST": Operation.FREEZE}
    queryset = Freeze.objects.select_related("user")

    @extend_schema(
        operation_id="freezes_create",
        request=FreezeRequestSerializer,
        responses={201: FreezeSerializer},
    )
    def post(self, request: Request) -> Response:
        """Freeze a member, or one session of theirs."""
        wanted = FreezeRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        fields = wanted.validated_data
        member = members().filter(user__username=fields["username"]).first()
        if member is None:
            raise InvalidError("There is no such member.", field="username")
        session = fields.get("session")
        if session and not SignIn.objects.filter(pk=session, user=member.user).exists():
            raise SessionNotFoundError
        row = accounts.freeze(
            actor=actor_for(holder_of(request).user),
            user=member.user,
            sign_in_id=session,
            reason=fields["reason"],
            instructions=fields["instructions"],
            lifetime=dt.timedelta(hours=fields["hours"]),
        )
        return Response(FreezeSerializer(row).data, status=201)


class FreezeLift(OperationBoundView):
    """Lift a freeze before its time."""

    scopes = {"POST": Scope.FREEZES_WRITE}
    operations = {"POST": Operation.LIFT_FREEZE}

    @extend_schema(
        operation_id="freezes_lift",
        request=LiftSerializer,
        responses={200: FreezeSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Lift it; another person than the frozen one and the one who froze does."""
        wanted = LiftSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        row = accounts.lift_freeze(
            actor=actor_for(holder_of(request).user),
            freeze_id=pk,
            reason=wanted.validated_data["reason"],
        )
        return Response(FreezeSerializer(row).data)


def _own(holder: PersonHolder, pk: uuid.UUID) -> PendingOperation:
    found = services.waiting_operation(user=holder.user, operation_id=pk)
    if found.requester != str(holder.token_id):
        raise NotFoundError
    return found


def _operation(found: PendingOperation, token: str = "") -> dict[str, Any]:
    body = {
        "id": str(found.pk),
        "operation": found.operation,
        "state": "confirmed" if found.proven_at else "pending",
        "digest": bytes(found.digest).hex(),
        "expires_at": found.expires_at.isoformat(),
        "confirm_url": services.confirm_url(found),
        "acr_values": REQUIREMENTS[Operation(found.operation)].acr.value_name,
    }
    return body | ({"operation_token": token} if token else {})
