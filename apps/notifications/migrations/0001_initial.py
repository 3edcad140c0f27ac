"""What people were told."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from apps.core.operations import EnableRowLevelSecurity


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Notification",
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
                ("batch", models.UUIDField(editable=False)),
                (
                    "event",
                    models.CharField(
                        choices=[
                            ("approval.requested", "Your approval is asked for"),
                            ("approval.reminder", "Your approval is still asked for"),
                            ("approval.escalated", "A request was escalated to you"),
                            ("approval.decided", "A request of yours is decided"),
                            ("elevation.activated", "An elevation begins"),
                            ("elevation.ending", "An elevation is about to end"),
                            ("elevation.ended", "An elevation has ended"),
                            ("delegation.offered", "Access is offered to you"),
                            ("delegation.accepted", "What you lend is accepted"),
                            ("delegation.ended", "A delegation has ended"),
                            (
                                "assignment.out_of_band",
                                "A role was assigned outside of a request",
                            ),
                            ("review.opened", "A review waits for you"),
                            ("review.reminder", "A review still waits for you"),
                            ("linter.finding", "The linter found something"),
                        ],
                        max_length=40,
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                ("body", models.TextField(blank=True, max_length=4000)),
                ("path", models.CharField(blank=True, max_length=500)),
                ("data", models.JSONField(default=dict)),
                ("is_urgent", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("read_at", models.DateTimeField(null=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="tenants.tenant",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
                "indexes": [
                    models.Index(
                        fields=["tenant", "user", "-created_at"],
                        name="notification_inbox",
                    ),
                    models.Index(
                        condition=models.Q(("read_at__isnull", True)),
                        fields=["tenant", "user"],
                        name="notification_unread",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("batch", "user"), name="notification_once_a_person"
                    )
                ],
            },
        ),
        EnableRowLevelSecurity("Notification"),
    ]
