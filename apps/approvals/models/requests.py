"""Requests, what they cover, and the votes on them.

People and drafts are named by id without a foreign key: a deleted account or a
discarded draft must not take the evidence with it.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from typing_extensions import override

from apps.approvals.choices import ItemKind, RequestKind, RequestState, Verdict
from apps.core.models import TimestampedModel
from apps.roles.models import Assignment
from apps.tenants.models import TenantModel


class ApprovalFlow(TenantModel, TimestampedModel):
    """The stages that some new requests pass in this tenant.

    The first active flow, by `order`, that is for a request is the one it passes.
    """

    name = models.CharField(max_length=60, default="Standard")
    kind = models.CharField(max_length=16, choices=RequestKind.choices)
    order = models.PositiveSmallIntegerField(default=100)
    is_active = models.BooleanField("active", default=True)
    match = models.JSONField(
        default=dict, help_text="See approvals.rules.parse_match; empty fits all."
    )
    stages = models.JSONField(help_text="See approvals.rules.parse_flow.")

    # What constraints of delegated rights may name; see apps.roles.selectors.
    constraint_fields: ClassVar[dict[str, str]] = {
        "name": "name",
        "kind": "kind",
    }

    class Meta:
        verbose_name = "approval flow"
        ordering = ["kind", "order", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "kind", "name"], name="approvals_flow_name_unique"
            ),
            models.CheckConstraint(
                condition=~Q(name=""), name="approvals_flow_name_set"
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name


class ApprovalRequest(TenantModel, TimestampedModel):
    """A set of drafts, or another subject, that people decide on together.

    `subject_id` names the row that waits for the decision when it is not about drafts;
    nobody decides after `expires_at`. `document` is what approvers sign, in canonical
    form; `digest` is its SHA-256. All of these are fixed when the request is opened; a
    trigger refuses to change them.
    """

    kind = models.CharField(
        max_length=16, choices=RequestKind.choices, default=RequestKind.CHANGE
    )
    title = models.CharField(max_length=160)
    reason = models.TextField()
    flow = models.JSONField()
    state = models.CharField(
        max_length=16, choices=RequestState.choices, default=RequestState.OPEN
    )
    document = models.JSONField()
    digest = models.CharField(max_length=71)
    subject_id = models.UUIDField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    # Nobody when an operator's command opened it.
    opened_by_id = models.UUIDField(null=True, blank=True)
    opened_by_name = models.CharField(max_length=150)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by_id = models.UUIDField(null=True, blank=True)
    closed_by_name = models.CharField(max_length=150, blank=True)
    closing_reason = models.TextField(blank=True)
    # Where it stands: the stage it waits in, since when, and what was said about it.
    stage = models.PositiveSmallIntegerField(default=0)
    stage_started_at = models.DateTimeField(null=True, blank=True)
    reminders_sent = models.PositiveSmallIntegerField(default=0)
    escalated = models.JSONField(default=list)
    voided_at = models.DateTimeField(null=True, blank=True)
    # The evidence that stands in front of approvers now; empty where none is needed.
    evidence_input = models.CharField(max_length=71, blank=True, default="")
    # How the votes were counted when it closed; facts about people change later.
    tally = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "request"
        indexes = [
            models.Index(fields=["tenant", "state"], name="approvals_request_state")
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=RequestState.values),
                name="approvals_request_state_known",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=RequestKind.values),
                name="approvals_request_kind_known",
            ),
            models.CheckConstraint(
                condition=Q(kind=RequestKind.CHANGE, subject_id__isnull=True)
                | (~Q(kind=RequestKind.CHANGE) & Q(subject_id__isnull=False)),
                name="approvals_request_subject_of_kind",
            ),
            models.UniqueConstraint(
                fields=["tenant", "subject_id"],
                condition=Q(state=RequestState.OPEN),
                name="approvals_request_one_open_per_subject",
            ),
            models.CheckConstraint(
                condition=Q(digest__regex=r"^sha256:[0-9a-f]{64}$"),
                name="approvals_request_digest_shape",
            ),
            models.CheckConstraint(
                condition=Q(state=RequestState.OPEN, closed_at__isnull=True)
                | (~Q(state=RequestState.OPEN) & Q(closed_at__isnull=False)),
                name="approvals_request_closed_has_time",
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        """Say whether votes are still taken."""
        return self.state == RequestState.OPEN


class RequestItem(TenantModel):
    """One change as it stood when the request was opened. Insert-only.

    `before` is the content that was live then, so that a closed request still shows
    what it changed.
    """

    request = models.ForeignKey(
        ApprovalRequest, on_delete=models.PROTECT, related_name="items"
    )
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(
        max_length=16, choices=ItemKind.choices, default=ItemKind.POLICY
    )
    slug = models.CharField(max_length=63, blank=True)
    base = models.CharField(max_length=71, blank=True)
    # None of a change that has no draft of its own until it is carried out.
    draft_id = models.UUIDField(null=True, blank=True)
    policy_id = models.UUIDField(null=True, blank=True)
    name = models.CharField(max_length=200)
    content_digest = models.CharField(max_length=71)
    content = models.JSONField()
    cedar = models.TextField()
    before = models.JSONField(null=True, blank=True)
    before_version = models.PositiveIntegerField(null=True, blank=True)
    author_id = models.UUIDField(null=True, blank=True)
    last_editor_id = models.UUIDField(null=True, blank=True)
    # How often the draft had been saved; any later save voids what was said about it.
    draft_lock = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "position"], name="approvals_item_position_unique"
            ),
            models.UniqueConstraint(
                fields=["request", "draft_id"], name="approvals_item_draft_unique"
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name


class Vote(TenantModel):
    """One person's verdict with the passkey assertion that proves it. Insert-only.

    Everything that a verifier needs stands in the row, the public key included, so a
    vote can be checked when the passkey and its owner are long gone.
    """

    request = models.ForeignKey(
        ApprovalRequest, on_delete=models.PROTECT, related_name="votes"
    )
    stage = models.PositiveSmallIntegerField(default=0)
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    reason = models.TextField(blank=True)
    user_id = models.UUIDField()
    user_name = models.CharField(max_length=150)
    roles = models.JSONField()
    # Whom the person stood in for, nearest first; empty for a right of one's own.
    way = models.JSONField(default=list)
    is_demo = models.BooleanField(default=False)
    cast_at = models.DateTimeField()
    document = models.JSONField()
    digest = models.CharField(max_length=71)
    credential_id = models.BinaryField()
    client_data = models.BinaryField()
    authenticator_data = models.BinaryField()
    signature = models.BinaryField()
    public_key = models.BinaryField()
    rp_id = models.CharField(max_length=253)

    class Meta:
        ordering = ["cast_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "stage", "user_id"],
                name="approvals_vote_one_per_person",
            ),
            models.CheckConstraint(
                condition=Q(verdict__in=Verdict.values),
                name="approvals_vote_verdict_known",
            ),
            models.CheckConstraint(
                condition=~Q(verdict=Verdict.DENY) | ~Q(reason=""),
                name="approvals_vote_denial_has_reason",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.user_name}: {self.get_verdict_display()}"


class OutOfBandAlert(TenantModel, TimestampedModel):
    """Security admins were told of an assignment that no workflow made."""

    assignment = models.OneToOneField(
        Assignment, on_delete=models.PROTECT, related_name="+"
    )

    @override
    def __str__(self) -> str:
        return str(self.assignment_id)


class LinterReport(TenantModel):
    """What the linter of flows found last, so that the same is told once."""

    digest = models.CharField(max_length=64, blank=True, editable=False)
    told_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant"], name="approvals_report_one")
        ]

    @override
    def __str__(self) -> str:
        return "What the linter found last"
