"""Requests for access that programs have sent."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

from apps.core.operations import EnableRowLevelSecurity


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("elevations", "0001_initial"),
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="AccessRequest",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("denial_id", models.UUIDField()),
                ("node_id", models.UUIDField()),
                ("holder", models.CharField(max_length=200)),
                ("question", models.JSONField()),
                ("is_emergency", models.BooleanField(default=False)),
                ("activates", models.BooleanField(default=False)),
                ("callback_url", models.CharField(blank=True, max_length=2000)),
                ("callback_state", models.CharField(blank=True, max_length=500)),
                ("callback_events", models.JSONField(default=list)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("approved", "Approved"),
                            ("denied", "Denied"),
                            ("expired", "Expired"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Failed"),
                            ("partial", "Partial"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "elevation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="elevations.elevation",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "pending")),
                        fields=["tenant"],
                        name="arap_pending",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "denial_id"), name="arap_denial_answered_once"
                    )
                ],
            },
        ),
        EnableRowLevelSecurity("AccessRequest"),
    ]
