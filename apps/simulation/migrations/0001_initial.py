"""Evidence about changes."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

from apps.core.operations import EnableRowLevelSecurity


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Evidence",
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
                ("title", models.CharField(max_length=200)),
                ("input_digest", models.CharField(max_length=71)),
                ("base_digest", models.CharField(max_length=71)),
                ("input", models.JSONField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Waiting"),
                            ("running", "Being computed"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                        ],
                        default="pending",
                        max_length=8,
                    ),
                ),
                ("progress", models.PositiveSmallIntegerField(default=0)),
                ("stage", models.CharField(blank=True, max_length=80)),
                ("document", models.JSONField(null=True)),
                ("digest", models.CharField(blank=True, max_length=71)),
                ("error", models.CharField(blank=True, max_length=200)),
                ("requested_by", models.CharField(max_length=150)),
                ("requested_at", models.DateTimeField()),
                ("computed_at", models.DateTimeField(null=True)),
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
                "verbose_name_plural": "evidence",
                "ordering": ["-requested_at"],
                "indexes": [
                    models.Index(
                        fields=["tenant", "-requested_at"],
                        name="simulation__tenant__285f51_idx",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "input_digest"),
                        name="simulation_evidence_input",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["pending", "running", "done", "failed"])
                        ),
                        name="simulation_evidence_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("progress__lte", 100)),
                        name="simulation_evidence_progress",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "done"), _negated=True),
                            models.Q(
                                ("computed_at__isnull", False),
                                ("document__isnull", False),
                                models.Q(("digest", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="simulation_evidence_done_has_document",
                    ),
                ],
            },
        ),
        EnableRowLevelSecurity("Evidence"),
    ]
