"""Sets of changes that are proposed together, and what people say about them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from typing_extensions import override

from apps.approvals.choices import ChangeSetState, ItemKind
from apps.approvals.models.requests import ApprovalRequest
from apps.core.models import TimestampedModel
from apps.tenants.models import TenantModel


class ChangeSet(TenantModel, TimestampedModel):
    """Changes of several policies, roles, windows and places that belong together.

    `lock` counts what was changed about it. `outcome` is what the whole of it came to
    when it was last tried out. `request` is the newest one that was opened for it.
    """

    title = models.CharField(max_length=160)
    reason = models.TextField(blank=True)
    state = models.CharField(
        max_length=16, choices=ChangeSetState.choices, default=ChangeSetState.DRAFT
    )
    author_id = models.UUIDField(null=True, blank=True)
    author_name = models.CharField(max_length=150)
    lock = models.PositiveIntegerField(default=1)
    activate_at = models.DateTimeField(null=True, blank=True)
    outcome = models.JSONField(default=dict)
    submissions = models.PositiveIntegerField(default=0)
    request = models.ForeignKey(
        ApprovalRequest,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="change_sets",
    )
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-updated_at"]
        verbose_name = "change set"
        indexes = [models.Index(fields=["tenant", "state"], name="approvals_set_state")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=ChangeSetState.values),
                name="approvals_set_state_known",
            ),
            models.CheckConstraint(
                condition=~Q(title=""), name="approvals_set_title_set"
            ),
            models.CheckConstraint(
                condition=~Q(state=ChangeSetState.OPEN) | Q(request__isnull=False),
                name="approvals_set_open_has_request",
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.title

    @property
    def is_draft(self) -> bool:
        """Say whether it can still be changed."""
        return self.state == ChangeSetState.DRAFT


class ChangeItem(TenantModel, TimestampedModel):
    """One change: what something shall be, and what it was when that was written.

    `base` is the digest of what was there; empty when there was nothing.
    """

    change_set = models.ForeignKey(
        ChangeSet, on_delete=models.PROTECT, related_name="items"
    )
    kind = models.CharField(max_length=16, choices=ItemKind.choices)
    slug = models.CharField(max_length=63)
    content = models.JSONField()
    base = models.CharField(max_length=71, blank=True)
    base_content = models.JSONField(null=True, blank=True)
    author_id = models.UUIDField(null=True, blank=True)
    author_name = models.CharField(max_length=150)
    last_editor_id = models.UUIDField(null=True, blank=True)
    last_editor_name = models.CharField(max_length=150)

    class Meta:
        ordering = ["created_at"]
        verbose_name = "change"
        constraints = [
            models.UniqueConstraint(
                fields=["change_set", "kind", "slug"],
                name="approvals_change_once_per_set",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=ItemKind.values),
                name="approvals_change_kind_known",
            ),
        ]

    @override
    def __str__(self) -> str:
        return str(self.content.get("name") or self.slug)


class Comment(TenantModel, TimestampedModel):
    """What somebody said about a set of changes, or about another request.

    `history` holds what it said before, so that an edit is never silent; of a deleted
    one only stays that it was there.
    """

    change_set = models.ForeignKey(
        ChangeSet,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="comments",
    )
    request = models.ForeignKey(
        ApprovalRequest,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="comments",
    )
    # The change that it is about, as "kind:short name"; empty for the whole.
    item = models.CharField(max_length=80, blank=True)
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="replies"
    )
    author_id = models.UUIDField()
    author_name = models.CharField(max_length=150)
    body = models.TextField(blank=True)
    history = models.JSONField(default=list)
    edited_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(change_set__isnull=True, request__isnull=False)
                | Q(change_set__isnull=False, request__isnull=True),
                name="approvals_comment_about_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(deleted_at__isnull=True) | Q(body="", history=[]),
                name="approvals_comment_deleted_is_empty",
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.body[:60]
