"""Evidence about changes: computed once for each input, and never changed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from typing_extensions import override

from apps.simulation.choices import EvidenceState
from apps.tenants.models import TenantModel


class Evidence(TenantModel):
    """What a change would do, with the input that it was computed from.

    The input digest covers the change and what was live (`base_digest`), so other
    evidence belongs to another row. `digest` is that of the document.
    """

    title = models.CharField(max_length=200)
    input_digest = models.CharField(max_length=71)
    base_digest = models.CharField(max_length=71)
    input = models.JSONField()
    state = models.CharField(
        max_length=8, choices=EvidenceState.choices, default=EvidenceState.PENDING
    )
    progress = models.PositiveSmallIntegerField(default=0)
    stage = models.CharField(max_length=80, blank=True)
    document = models.JSONField(null=True)
    digest = models.CharField(max_length=71, blank=True)
    error = models.CharField(max_length=200, blank=True)
    requested_by = models.CharField(max_length=150)
    requested_at = models.DateTimeField()
    computed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-requested_at"]
        verbose_name_plural = "evidence"
        indexes = [models.Index(fields=["tenant", "-requested_at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "input_digest"], name="simulation_evidence_input"
            ),
            models.CheckConstraint(
                condition=Q(state__in=EvidenceState.values),
                name="simulation_evidence_state_known",
            ),
            models.CheckConstraint(
                condition=Q(progress__lte=100), name="simulation_evidence_progress"
            ),
            models.CheckConstraint(
                condition=~Q(state="done")
                | Q(document__isnull=False, computed_at__isnull=False) & ~Q(digest=""),
                name="simulation_evidence_done_has_document",
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.title

    @property
    def is_done(self) -> bool:
        """Say whether there is a document."""
        return self.state == EvidenceState.DONE

    @property
    def is_over(self) -> bool:
        """Say whether nothing more happens by itself."""
        return self.state in {EvidenceState.DONE, EvidenceState.FAILED}
