"""The identity of a policy, its draft, and the versions it was frozen into.

People are named by id and name without a foreign key, so that a deleted account
leaves no hole in the history.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from typing_extensions import override

from apps.core.models import TimestampedModel
from apps.policies.choices import Act, PolicyState, VersionKind
from apps.tenants.models import TenantModel

_DIGEST = r"^sha256:[0-9a-f]{64}$"


class Policy(TenantModel, TimestampedModel):
    """What stays the same across versions: the short name that nodes see."""

    slug = models.CharField("short name", max_length=63)
    name = models.CharField(max_length=120)
    state = models.CharField(
        max_length=16, choices=PolicyState.choices, default=PolicyState.DRAFT
    )

    # What constraints of delegated rights may name; see apps.roles.selectors.
    constraint_fields: ClassVar[dict[str, str]] = {
        "slug": "slug",
        "name": "name",
        "state": "state",
        "owner": "draft__content__owner",
        "tier": "draft__content__tier",
        "effect": "draft__content__effect",
    }

    class Meta:
        ordering = ["slug"]
        verbose_name_plural = "policies"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "slug"], name="policies_policy_slug_unique"
            ),
            models.CheckConstraint(
                condition=Q(slug__regex=r"^[a-z][a-z0-9-]{0,62}$"),
                name="policies_policy_slug_shape",
            ),
            models.CheckConstraint(
                condition=Q(state__in=PolicyState.values),
                name="policies_policy_state_known",
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name


class PolicyDraft(TenantModel, TimestampedModel):
    """The text being worked on, compiled each time it is saved.

    `lock` counts saves; a save that names an older count is refused. `digest` covers
    the content and the statements it compiles to.
    """

    policy = models.OneToOneField(
        Policy, on_delete=models.PROTECT, related_name="draft"
    )
    content = models.JSONField()
    statements = models.JSONField()
    digest = models.CharField(max_length=71)
    lock = models.PositiveIntegerField(default=1)
    author_id = models.UUIDField(null=True)
    author_name = models.CharField(max_length=150)
    last_editor_id = models.UUIDField(null=True)
    last_editor_name = models.CharField(max_length=150)

    class Meta:
        ordering = ["policy__slug"]
        constraints = [
            models.CheckConstraint(
                condition=Q(digest__regex=_DIGEST), name="policies_draft_digest_shape"
            ),
            models.CheckConstraint(
                condition=Q(lock__gte=1), name="policies_draft_lock_positive"
            ),
        ]

    @override
    def __str__(self) -> str:
        return str(self.content.get("name", self.policy_id))

    @property
    def cedar(self) -> str:
        """Return the Cedar text of all statements."""
        return "\n".join(statement["cedar"] for statement in self.statements)


class PolicyVersion(TenantModel):
    """An approved draft, numbered and unchangeable. Insert-only."""

    policy = models.ForeignKey(
        Policy, on_delete=models.PROTECT, related_name="versions"
    )
    number = models.PositiveIntegerField()
    content = models.JSONField()
    statements = models.JSONField()
    digest = models.CharField(max_length=71)
    # The tests with all that their answers depend on, as nodes run them.
    cases = models.JSONField(default=list, blank=True)
    request_id = models.UUIDField()
    author_id = models.UUIDField(null=True)
    author_name = models.CharField(max_length=150)
    last_editor_id = models.UUIDField(null=True)
    last_editor_name = models.CharField(max_length=150)
    frozen_at = models.DateTimeField(auto_now_add=True)
    frozen_by_name = models.CharField(max_length=150)
    kind = models.CharField(
        max_length=16, choices=VersionKind.choices, default=VersionKind.EDIT
    )
    # The version that this one took the place of, and the one whose content it has.
    previous = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="+"
    )
    restores = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="+"
    )
    approvers = models.JSONField(default=list)
    evidence_digest = models.CharField(max_length=71, blank=True, default="")
    reason = models.CharField(max_length=500, blank=True, default="")
    effective_from = models.DateTimeField(null=True)
    effective_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["policy__slug", "-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "number"], name="policies_version_number_unique"
            ),
            models.CheckConstraint(
                condition=Q(number__gte=1), name="policies_version_number_positive"
            ),
            models.CheckConstraint(
                condition=Q(digest__regex=_DIGEST),
                name="policies_version_digest_shape",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=VersionKind.values),
                name="policies_version_kind_known",
            ),
            models.CheckConstraint(
                condition=Q(effective_from__isnull=True)
                | Q(effective_until__isnull=True)
                | Q(effective_from__lt=F("effective_until")),
                name="policies_version_interval",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.content.get('name', self.policy_id)} v{self.number}"

    @property
    def cedar(self) -> str:
        """Return the Cedar text of all statements."""
        return "\n".join(statement["cedar"] for statement in self.statements)


class PolicyAct(TenantModel):
    """What was done to a policy besides changing what it says. Insert-only.

    `until` is when a forbid ends, or by when somebody decides about it again.
    """

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="acts")
    version = models.ForeignKey(
        PolicyVersion, on_delete=models.PROTECT, null=True, related_name="acts"
    )
    act = models.CharField(max_length=16, choices=Act.choices)
    state = models.CharField(max_length=16, choices=PolicyState.choices)
    until = models.DateTimeField(null=True)
    reason = models.CharField(max_length=500)
    request_id = models.UUIDField(null=True)
    actor_id = models.UUIDField(null=True)
    actor_name = models.CharField(max_length=150)
    approvers = models.JSONField(default=list)
    done_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["policy__slug", "-done_at"]
        indexes = [models.Index(fields=["policy", "done_at"])]
        constraints = [
            models.CheckConstraint(
                condition=Q(act__in=Act.values), name="policies_act_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=PolicyState.values),
                name="policies_act_state_known",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.get_act_display()} by {self.actor_name}"


class PolicyReminder(TenantModel):
    """What people were told about a policy, so that they are told once."""

    policy = models.ForeignKey(
        Policy, on_delete=models.PROTECT, related_name="reminders"
    )
    key = models.CharField(max_length=80)
    told_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["told_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "key"], name="policies_reminder_once"
            )
        ]

    @override
    def __str__(self) -> str:
        return self.key
