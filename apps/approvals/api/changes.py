"""Sets of changes and comments over REST."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from apps.accounts.choices import Scope
from apps.accounts.permissions import TenantScopedView
from apps.accounts.services import actor_for
from apps.approvals import selectors, services
from apps.approvals.api.requests import RequestSerializer, person_of
from apps.approvals.choices import ChangeSetState, ItemKind
from apps.approvals.models import ApprovalRequest, ChangeItem, ChangeSet, Comment
from apps.audit.events import Actor
from apps.core.api import asked_for, require_match, with_etag
from apps.signin.permissions import OperationBoundView
from apps.signin.rules.operations import Operation


class ChangeSerializer(serializers.ModelSerializer[ChangeItem]):
    """A change, what it came to when it was tried out, and what it is based on."""

    outcome = serializers.SerializerMethodField()

    class Meta:
        model = ChangeItem
        fields = [
            *("id", "kind", "slug", "content", "base", "author_name"),
            *("last_editor_name", "updated_at", "outcome"),
        ]

    def get_outcome(self, item: ChangeItem) -> dict[str, Any]:
        """Return the digest, the sentence and the Cedar text."""
        return selectors.outcome_of(item.change_set, item)


class ChangeSetSerializer(serializers.ModelSerializer[ChangeSet]):
    """A set with its changes; `before` and `after` are digests of the whole state."""

    items = serializers.SerializerMethodField()
    before = serializers.SerializerMethodField()
    after = serializers.SerializerMethodField()

    class Meta:
        model = ChangeSet
        fields = [
            *("id", "title", "reason", "state", "author_id", "author_name", "lock"),
            *("activate_at", "request_id", "before", "after", "items"),
            *("created_at", "updated_at"),
        ]

    def get_items(self, row: ChangeSet) -> list[dict[str, Any]]:
        """Return the changes in the order in which they are carried out."""
        return list(ChangeSerializer(selectors.items_of(row), many=True).data)

    def get_before(self, row: ChangeSet) -> str:
        """Return the digest of the state without the set."""
        return str(row.outcome.get("before", ""))

    def get_after(self, row: ChangeSet) -> str:
        """Return the digest of the state with the set."""
        return str(row.outcome.get("after", ""))


class ChangeSetInput(serializers.Serializer[Any]):
    """The words that go with a set, and when its policies come into force."""

    title = serializers.CharField(max_length=160)
    reason = serializers.CharField(
        max_length=2000, required=False, allow_blank=True, default=""
    )
    activate_at = serializers.DateTimeField(
        required=False, allow_null=True, default=None
    )


class ChangeInput(serializers.Serializer[Any]):
    """A change: what something shall be, in the form of its own address."""

    kind = serializers.ChoiceField(choices=ItemKind.choices)
    slug = serializers.CharField(
        max_length=63, required=False, allow_blank=True, default=""
    )
    content = serializers.DictField()


class ChangeSetFilter(serializers.Serializer[Any]):
    """Which sets to list."""

    state = serializers.ChoiceField(choices=ChangeSetState.choices, required=False)


class CommentSerializer(serializers.ModelSerializer[Comment]):
    """A comment; `history` holds what it said before it was edited."""

    class Meta:
        model = Comment
        fields = [
            *("id", "item", "parent_id", "author_id", "author_name", "body"),
            *("history", "created_at", "edited_at", "deleted_at"),
        ]


class CommentInput(serializers.Serializer[Any]):
    """What is said, about which change, in answer to what."""

    body = serializers.CharField(max_length=4000)
    item = serializers.CharField(max_length=80, required=False, default="")
    parent_id = serializers.UUIDField(required=False, allow_null=True, default=None)


class CommentEdit(serializers.Serializer[Any]):
    """What a comment shall say."""

    body = serializers.CharField(max_length=4000)


class ChangeSetList(OperationBoundView, ListAPIView[ChangeSet]):
    """List sets of changes, and begin one."""

    serializer_class = ChangeSetSerializer
    scopes = {"GET": Scope.REQUESTS_READ, "POST": Scope.REQUESTS_WRITE}
    operations = {"POST": Operation.DRAFT_POLICY}
    queryset = ChangeSet.objects.all()

    @override
    def get_queryset(self) -> QuerySet[ChangeSet]:
        wanted = asked_for(self.request, ChangeSetFilter)
        rows = ChangeSet.objects.filter(**wanted)
        return rows.prefetch_related("items__change_set").order_by("id")

    @extend_schema(operation_id="change_sets_list", parameters=[ChangeSetFilter])
    @override
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List sets."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="change_sets_create",
        request=ChangeSetInput,
        responses={201: ChangeSetSerializer},
    )
    @transaction.atomic
    def post(self, request: Request) -> Response:
        """Begin a set."""
        values = _sent(ChangeSetInput, request)
        row = services.create_change_set(
            actor=_actor(request), title=values["title"], reason=values["reason"]
        )
        if values["activate_at"] is not None:
            row = services.schedule_change_set(
                actor=_actor(request), set_id=row.pk, at=values["activate_at"]
            )
        return with_etag(ChangeSetSerializer(row).data, 201)


class ChangeSetDetail(OperationBoundView, GenericAPIView[ChangeSet]):
    """One set of changes."""

    serializer_class = ChangeSetSerializer
    scopes = {
        "GET": Scope.REQUESTS_READ,
        "PUT": Scope.REQUESTS_WRITE,
        "DELETE": Scope.REQUESTS_WRITE,
    }
    operations = dict.fromkeys(("PUT", "DELETE"), Operation.DRAFT_POLICY)

    @extend_schema(operation_id="change_sets_retrieve")
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one set; the entity tag names the state for a change."""
        return _shown(selectors.change_set_by_id(pk))

    @extend_schema(operation_id="change_sets_update", request=ChangeSetInput)
    @transaction.atomic
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Change the words of a set, or when it comes into force (`If-Match`)."""
        _matching(request, pk)
        values = _sent(ChangeSetInput, request)
        actor = _actor(request)
        services.edit_change_set(
            actor=actor, set_id=pk, title=values["title"], reason=values["reason"]
        )
        return _shown(
            services.schedule_change_set(
                actor=actor, set_id=pk, at=values["activate_at"]
            )
        )

    @extend_schema(
        operation_id="change_sets_discard", request=None, responses={204: None}
    )
    @transaction.atomic
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Give a set up (`If-Match`); it stays to be read."""
        _matching(request, pk)
        services.discard_change_set(actor=_actor(request), set_id=pk)
        return Response(status=204)


class ChangeList(OperationBoundView):
    """The changes of a set."""

    scopes = {"POST": Scope.REQUESTS_WRITE}
    operations = {"POST": Operation.DRAFT_POLICY}

    @extend_schema(
        operation_id="change_sets_put_item",
        request=ChangeInput,
        responses={200: ChangeSetSerializer},
    )
    @transaction.atomic
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Add a change, or replace the one about the same thing (`If-Match`)."""
        _matching(request, pk)
        values = _sent(ChangeInput, request)
        services.put_change(
            actor=_actor(request),
            set_id=pk,
            kind=ItemKind(values["kind"]),
            slug=values["slug"],
            content=values["content"],
        )
        return _shown(selectors.change_set_by_id(pk))


class ChangeDetail(OperationBoundView):
    """One change of a set."""

    scopes = {"DELETE": Scope.REQUESTS_WRITE}
    operations = {"DELETE": Operation.DRAFT_POLICY}

    @extend_schema(
        operation_id="change_sets_remove_item", request=None, responses={204: None}
    )
    @transaction.atomic
    def delete(self, request: Request, pk: uuid.UUID, item: uuid.UUID) -> Response:
        """Take a change out of the set (`If-Match` of the set)."""
        _matching(request, pk)
        services.remove_change(actor=_actor(request), set_id=pk, item_id=item)
        return Response(status=204)


class ChangeSetSubmit(OperationBoundView):
    """Propose a set."""

    scopes = {"POST": Scope.REQUESTS_WRITE}
    operations = {"POST": Operation.OPEN_REQUEST}

    @extend_schema(
        operation_id="change_sets_submit",
        request=None,
        responses={201: RequestSerializer},
    )
    @transaction.atomic
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Ask for the set, as its sender saw it (`If-Match`), to be approved."""
        _matching(request, pk)
        opened = services.submit_change_set(actor=_actor(request), set_id=pk)
        return Response(RequestSerializer(opened).data, status=201)


class _Comments(TenantScopedView, ListAPIView[Comment]):
    serializer_class = CommentSerializer
    scopes = {"GET": Scope.REQUESTS_READ, "POST": Scope.REQUESTS_WRITE}
    queryset = Comment.objects.none()

    def about(self) -> services.About:
        """Return what the comments are about."""
        raise NotImplementedError

    @override
    def get_queryset(self) -> QuerySet[Comment]:
        about = self.about()
        found = selectors.comments_about(about.change_set, about.request)
        return found.order_by("id")

    def say(self, request: Request) -> Response:
        """Say what was sent."""
        values = _sent(CommentInput, request)
        row = services.add_comment(
            actor=_actor(request),
            about=self.about(),
            body=values["body"],
            item=values["item"],
            parent_id=values["parent_id"],
        )
        return with_etag(CommentSerializer(row).data, 201)


class ChangeSetComments(_Comments):
    """What is said about a set of changes."""

    @override
    def about(self) -> services.About:
        return services.About(selectors.change_set_by_id(self.kwargs["pk"]))

    @extend_schema(
        operation_id="change_sets_comment",
        request=CommentInput,
        responses={201: CommentSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Say something about a set, or answer."""
        del pk
        return self.say(request)


class RequestComments(_Comments):
    """What is said about a request; of a set it is the talk about the set."""

    @override
    def about(self) -> services.About:
        found: ApprovalRequest = selectors.request_by_id(self.kwargs["pk"])
        return services.about_request(found)

    @extend_schema(
        operation_id="requests_comment",
        request=CommentInput,
        responses={201: CommentSerializer},
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Say something about a request, or answer."""
        del pk
        return self.say(request)


class CommentDetail(TenantScopedView, GenericAPIView[Comment]):
    """One comment."""

    serializer_class = CommentSerializer
    scopes = {
        "GET": Scope.REQUESTS_READ,
        "PUT": Scope.REQUESTS_WRITE,
        "DELETE": Scope.REQUESTS_WRITE,
    }

    @extend_schema(operation_id="comments_retrieve")
    def get(self, _request: Request, pk: uuid.UUID) -> Response:
        """Read one comment."""
        return with_etag(CommentSerializer(selectors.comment_by_id(pk)).data)

    @extend_schema(operation_id="comments_update", request=CommentEdit)
    @transaction.atomic
    def put(self, request: Request, pk: uuid.UUID) -> Response:
        """Change what one said (`If-Match`); what it was stays to be seen."""
        require_match(request, CommentSerializer(selectors.lock_comment(pk)).data)
        body = _sent(CommentEdit, request)["body"]
        row = services.edit_comment(actor=_actor(request), comment_id=pk, body=body)
        return with_etag(CommentSerializer(row).data)

    @extend_schema(operation_id="comments_delete", request=None, responses={204: None})
    @transaction.atomic
    def delete(self, request: Request, pk: uuid.UUID) -> Response:
        """Take back what one said (`If-Match`)."""
        require_match(request, CommentSerializer(selectors.lock_comment(pk)).data)
        services.delete_comment(actor=_actor(request), comment_id=pk)
        return Response(status=204)


def _sent(kind: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    sent = kind(data=request.data)
    sent.is_valid(raise_exception=True)
    return dict(sent.validated_data)


def _actor(request: Request) -> Actor:
    return actor_for(person_of(request).user)


def _matching(request: Request, pk: uuid.UUID) -> ChangeSet:
    row = selectors.lock_change_set(pk)
    require_match(request, ChangeSetSerializer(row).data)
    return row


def _shown(row: ChangeSet) -> Response:
    return with_etag(ChangeSetSerializer(row).data)
