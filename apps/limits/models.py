"""Levels of buckets, addresses known to be good, and counts of what was refused."""

from __future__ import annotations

from django.db import models
from typing_extensions import override

from apps.limits.rules.breaker import Breaker, Second


class BucketLevel(models.Model):
    """The level of one bucket for one key; an unlogged table, empty after a crash."""

    # Keyed hashes: the table holds no address, name or token.
    key = models.CharField(max_length=64, primary_key=True)
    # Microseconds since 1970: when the bucket is full again, and the last judgment.
    full_at = models.BigIntegerField()
    at = models.BigIntegerField()
    is_allowed = models.BooleanField()

    @override
    def __str__(self) -> str:
        return self.key


class KnownAddress(models.Model):
    """An address from which an account was signed in to successfully."""

    key = models.CharField(max_length=64, primary_key=True)
    seen_at = models.DateTimeField()

    @override
    def __str__(self) -> str:
        return self.key


class Refusal(models.Model):
    """How often something was refused for one network within one hour."""

    code = models.CharField(max_length=80)
    prefix = models.CharField(max_length=64)
    hour = models.DateTimeField()
    count = models.PositiveBigIntegerField(default=1)

    class Meta:
        ordering = ["-hour", "code", "prefix"]
        constraints = [
            models.UniqueConstraint(
                fields=["hour", "code", "prefix"], name="limits_refusal_unique"
            )
        ]

    @override
    def __str__(self) -> str:
        return f"{self.code} from {self.prefix}: {self.count}"


class CircuitBreaker(models.Model):
    """How calls to one dependency went lately; unlogged, empty after a crash.

    One without `tenant_id` belongs to the installation.
    """

    key = models.CharField(max_length=100, primary_key=True)
    tenant_id = models.UUIDField(null=True, db_index=True)
    label = models.CharField(max_length=200)
    # Seconds since 1970 on the database's clock; good and bad calls of each second.
    seconds = models.JSONField(default=list)
    opened_at = models.FloatField(null=True)
    probed_at = models.FloatField(null=True)
    last_error = models.CharField(max_length=200, blank=True)
    failed_at = models.DateTimeField(null=True)
    succeeded_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["label", "key"]

    @override
    def __str__(self) -> str:
        return self.label

    def facts(self) -> Breaker:
        """Return what the rules judge it by."""
        return Breaker(
            tuple(Second(*row) for row in self.seconds), self.opened_at, self.probed_at
        )
