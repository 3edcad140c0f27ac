"""Signing keys as the database knows them: public halves and where the rest is."""

from __future__ import annotations

from django.db import models
from typing_extensions import override

from apps.keys.choices import Algorithm, KeyState, Purpose
from apps.tenants.models import TenantModel


class SigningKey(TenantModel):
    """One key pair of a tenant. The private half never leaves its store."""

    purpose = models.CharField(max_length=20, choices=Purpose)
    algorithm = models.CharField(max_length=20, choices=Algorithm)
    state = models.CharField(max_length=10, choices=KeyState, default=KeyState.ACTIVE)
    reference = models.CharField(max_length=200, unique=True)
    public_key = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)
    activated_at = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["purpose", "algorithm"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "purpose", "algorithm"],
                condition=models.Q(state="active"),
                name="keys_one_active_key_per_purpose",
            ),
            models.UniqueConstraint(
                fields=["tenant", "purpose", "algorithm"],
                condition=models.Q(state="next"),
                name="keys_one_next_key_per_purpose",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.get_purpose_display()} ({self.get_algorithm_display()})"
