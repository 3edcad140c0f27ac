"""The trail: entries that are only ever added, and the end of each tenant's chain."""

from __future__ import annotations

from typing import Any

from django.db import models
from typing_extensions import override

from apps.tenants.models import Tenant, TenantModel


class AuditHead(TenantModel):
    """The end of a tenant's chain; its row lock puts entries in one order."""

    sequence = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant"], name="audit_head_one_per_tenant")
        ]

    @override
    def __str__(self) -> str:
        return f"end of the chain at {self.sequence}"


class AuditEntry(TenantModel):
    """Something that happened. No foreign key but the tenant: history stands alone."""

    # The tenant's rows may be counted by the database, never removed with a cascade.
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, editable=False)
    sequence = models.BigIntegerField()
    at = models.DateTimeField(db_index=True)
    actor_kind = models.CharField(max_length=10)
    actor_id = models.CharField(max_length=255)
    actor_name = models.CharField(max_length=255)
    actor_credential = models.CharField(max_length=255, blank=True)
    action = models.CharField(max_length=80)
    target_type = models.CharField(max_length=80)
    target_id = models.CharField(max_length=255)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    context = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["-sequence"]
        verbose_name_plural = "audit entries"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "sequence"], name="audit_entry_sequence_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(sequence__gte=1),
                name="audit_entry_sequence_positive",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "target_type", "target_id"]),
            models.Index(fields=["tenant", "action"]),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.sequence} {self.action}"

    def content(self) -> dict[str, Any]:
        """Return what the hash covers, in the form that was hashed."""
        return {
            "tenant": str(self.tenant_id),
            "at": self.at.isoformat(),
            "actor": {
                "kind": self.actor_kind,
                "id": self.actor_id,
                "name": self.actor_name,
                "credential": self.actor_credential,
            },
            "action": self.action,
            "target": {"type": self.target_type, "id": self.target_id},
            "before": self.before,
            "after": self.after,
            "context": self.context,
        }
