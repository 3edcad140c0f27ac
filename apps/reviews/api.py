"""Access reviews over REST."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.models import User
from apps.accounts.permissions import TenantScopedView
from apps.accounts.services import PersonHolder, actor_for
from apps.reviews import selectors, services
from apps.reviews.choices import Verdict
from apps.reviews.errors import ReviewNotFoundError
from apps.reviews.models import Item, Run
from apps.signin.permissions import OperationBoundView, holder_of
from apps.signin.rules.operations import Operation

_MOST_ITEMS = 1000


class RunSerializer(serializers.ModelSerializer[Run]):
    """A review: one time that a campaign asks."""

    campaign = serializers.CharField(source="campaign.name", read_only=True)
    total = serializers.IntegerField(read_only=True)
    answered = serializers.IntegerField(read_only=True)

    class Meta:
        model = Run
        fields = [
            *("id", "campaign", "state", "opened_at", "closes_at", "opened_by"),
            *("silence", "cap", "is_self_review", "total", "answered"),
            *("closed_at", "closed_by", "closed_reason"),
        ]


class ItemSerializer(serializers.ModelSerializer[Item]):
    """One assignment that is asked about."""

    principal = serializers.CharField(source="assignment.principal.key", read_only=True)
    role = serializers.CharField(source="assignment.role.slug", read_only=True)
    scope = serializers.SerializerMethodField()
    assignment_source = serializers.CharField(
        source="assignment.source", read_only=True
    )
    reviewers = serializers.SlugRelatedField[User](
        slug_field="username", many=True, read_only=True
    )
    decided_by = serializers.SlugRelatedField[User](
        slug_field="username", read_only=True
    )

    class Meta:
        model = Item
        fields = [
            *("id", "assignment", "principal", "role", "scope", "advice"),
            *("assignment_source", "last_use", "reviewers", "verdict", "reason"),
            *("decided_at", "decided_by", "outcome"),
        ]

    def get_scope(self, row: Item) -> str:
        """Return where it holds, as Type::key or everywhere."""
        scope = row.assignment.scope
        return f"{scope.type}::{scope.key}" if scope else selectors.EVERYWHERE


class LossSerializer(serializers.Serializer[Any]):
    """What somebody would not be able to do any more."""

    principal = serializers.CharField()
    place = serializers.CharField()
    permissions = serializers.ListField(child=serializers.CharField())
    is_borrower = serializers.BooleanField()


class EffectSerializer(serializers.Serializer[Any]):
    """What would happen if the review were applied now."""

    to_revoke = serializers.IntegerField()
    losses = LossSerializer(many=True)


class DecisionSerializer(serializers.Serializer[Any]):
    """What is decided about which items; all or none."""

    items = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=_MOST_ITEMS
    )
    verdict = serializers.ChoiceField(choices=Verdict.choices)
    reason = serializers.CharField(
        max_length=200, required=False, allow_blank=True, default=""
    )


class ConfirmationSerializer(serializers.Serializer[Any]):
    """How many revocations were looked at."""

    confirmed = serializers.IntegerField(min_value=0)


class ReviewList(TenantScopedView, ListAPIView[Run]):
    """List reviews."""

    serializer_class = RunSerializer
    scopes = {"GET": Scope.REVIEWS_READ}

    @override
    def get_queryset(self) -> QuerySet[Run]:
        return selectors.runs_visible_to(_person(self.request))


class ReviewDetail(TenantScopedView, GenericAPIView[Run]):
    """One review."""

    serializer_class = RunSerializer
    scopes = {"GET": Scope.REVIEWS_READ}

    @extend_schema(operation_id="reviews_retrieve")
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Read one review."""
        return Response(RunSerializer(_run(request, pk)).data)


class ReviewItems(TenantScopedView, ListAPIView[Item]):
    """List what a review asks."""

    serializer_class = ItemSerializer
    scopes = {"GET": Scope.REVIEWS_READ}
    # For the schema, which knows no address.
    queryset = Item.objects.none()

    @override
    def get_queryset(self) -> QuerySet[Item]:
        if "pk" not in self.kwargs:
            return super().get_queryset()
        return selectors.items_of(_run(self.request, self.kwargs["pk"]))


class ReviewEffect(TenantScopedView, GenericAPIView[Run]):
    """Who would lose what if a review were applied now."""

    serializer_class = EffectSerializer
    scopes = {"GET": Scope.REVIEWS_READ}

    @extend_schema(operation_id="reviews_effect")
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Read the effect."""
        run = _run(request, pk)
        ending = selectors.to_revoke(run, selectors.items_of(run))
        losses = selectors.preview(ending, timezone.now())
        body = {"to_revoke": len(ending), "losses": losses}
        return Response(EffectSerializer(body).data)


class ReviewDecisions(OperationBoundView):
    """Answer what a review asks."""

    scopes = {"POST": Scope.REVIEWS_WRITE}
    operations = {"POST": Operation.DECIDE_REVIEW}

    @extend_schema(
        operation_id="reviews_decide",
        request=DecisionSerializer,
        responses={200: ItemSerializer(many=True)},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Keep or revoke items, as their reviewer or a security admin."""
        wanted = DecisionSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        fields = wanted.validated_data
        user = holder_of(request).user
        rows = services.decide(
            actor=actor_for(user),
            user=user,
            run_id=pk,
            item_ids=fields["items"],
            verdict=Verdict(fields["verdict"]),
            reason=fields["reason"],
        )
        return Response(ItemSerializer(rows, many=True).data)


class ReviewApply(OperationBoundView):
    """Carry out what was decided."""

    scopes = {"POST": Scope.REVIEWS_WRITE}
    operations = {"POST": Operation.APPLY_REVIEW}

    @extend_schema(
        operation_id="reviews_apply",
        request=ConfirmationSerializer,
        responses={200: RunSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Apply as a security admin who saw the effect."""
        wanted = ConfirmationSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        user = holder_of(request).user
        run = services.apply_run(
            actor=actor_for(user),
            user=user,
            run_id=pk,
            confirmed=wanted.validated_data["confirmed"],
        )
        return Response(RunSerializer(selectors.run_by_id(run.pk)).data)


def _person(request: Request) -> User | None:
    """Return the person a token stands for, or None for a program of its own."""
    return request.auth.user if isinstance(request.auth, PersonHolder) else None


def _run(request: Request, pk: uuid.UUID) -> Run:
    row = selectors.runs_visible_to(_person(request)).filter(pk=pk).first()
    if row is None:
        raise ReviewNotFoundError
    return row
