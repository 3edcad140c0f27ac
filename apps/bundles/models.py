"""Releases, their signatures, and the trust metadata that travels with them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from typing_extensions import override

from apps.bundles.choices import ReleaseState
from apps.tenants.models import TenantModel


class Release(TenantModel):
    """All live records of a tenant at one revision. Revisions only grow.

    Until it is signed, `snapshot` holds the tar without its OPA signature, so that a
    worker which takes over signs exactly these records. Signing writes the final bytes
    once; a trigger refuses every other change. `cause` says which act it is due to, the
    newest one if it carries several.
    """

    revision = models.PositiveBigIntegerField()
    previous = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="next"
    )
    state_digest = models.CharField(max_length=71)
    manifest = models.JSONField()
    certificates = models.JSONField()
    cause = models.JSONField(default=dict)
    snapshot = models.BinaryField()
    size = models.PositiveIntegerField()
    state = models.CharField(
        max_length=16, choices=ReleaseState.choices, default=ReleaseState.BUILDING
    )
    failure = models.TextField(blank=True)
    created_at = models.DateTimeField()
    signed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-revision"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "revision"], name="bundles_release_revision_unique"
            ),
            models.CheckConstraint(
                condition=Q(revision__gte=1), name="bundles_release_revision_positive"
            ),
            models.CheckConstraint(
                condition=Q(state__in=ReleaseState.values),
                name="bundles_release_state_known",
            ),
            models.CheckConstraint(
                condition=Q(state_digest__regex=r"^sha256:[0-9a-f]{64}$"),
                name="bundles_release_digest_shape",
            ),
            models.CheckConstraint(
                condition=Q(state=ReleaseState.SIGNED, signed_at__isnull=False)
                | (~Q(state=ReleaseState.SIGNED) & Q(signed_at__isnull=True)),
                name="bundles_release_signed_has_time",
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"Release {self.revision}"


class ReleaseDelta(TenantModel):
    """What turns an older release into this one. Kept for the newest release only.

    It is signed with the release, as a target of its own.
    """

    release = models.ForeignKey(
        Release, on_delete=models.PROTECT, related_name="deltas"
    )
    base = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="+")
    content = models.BinaryField()

    class Meta:
        ordering = ["-base__revision"]
        constraints = [
            models.UniqueConstraint(
                fields=["release", "base"], name="bundles_delta_one_for_two_releases"
            )
        ]

    @override
    def __str__(self) -> str:
        return f"Delta from {self.base} to {self.release}"


class RootMetadata(TenantModel):
    """One version of the TUF root that agents start from and rotate along."""

    version = models.PositiveIntegerField()
    metadata = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "version"], name="bundles_root_version_unique"
            )
        ]

    @override
    def __str__(self) -> str:
        return f"Root {self.version}"


class BundleSignature(TenantModel):
    """The TUF metadata that vouches for one release. Insert-only."""

    release = models.OneToOneField(
        Release, on_delete=models.PROTECT, related_name="signature"
    )
    root = models.ForeignKey(RootMetadata, on_delete=models.PROTECT)
    targets = models.BinaryField()
    snapshot = models.BinaryField()
    key_ids = models.JSONField()
    created_at = models.DateTimeField()

    @override
    def __str__(self) -> str:
        return f"Signature of {self.release}"


class TimestampMetadata(TenantModel):
    """The newest timestamp: one row for each tenant, re-signed every half minute.

    It names the newest signed release and expires within minutes, so an agent that is
    held back knows it. The version only grows.
    """

    release = models.ForeignKey(Release, on_delete=models.PROTECT)
    version = models.PositiveBigIntegerField()
    metadata = models.BinaryField()
    signed_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], name="bundles_timestamp_one_for_a_tenant"
            )
        ]

    @override
    def __str__(self) -> str:
        return f"Timestamp {self.version}"
