"""Preferences, channels, and the log of deliveries."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from apps.core.operations import EnableRowLevelSecurity


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0001_initial"),
        ("tenants", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Preference",
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
                (
                    "mail",
                    models.CharField(
                        choices=[
                            ("at_once", "At once"),
                            ("digest", "Daily digest"),
                            ("off", "Off"),
                        ],
                        max_length=8,
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="notification",
            name="mail",
            field=models.CharField(
                choices=[
                    ("at_once", "At once"),
                    ("digest", "Daily digest"),
                    ("off", "Off"),
                ],
                default="off",
                max_length=8,
            ),
        ),
        migrations.CreateModel(
            name="Channel",
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
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("name", models.CharField(max_length=80)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("webhook", "Webhook (CloudEvents, signed)"),
                            ("slack", "Slack"),
                            ("teams", "Microsoft Teams"),
                        ],
                        max_length=8,
                    ),
                ),
                ("sealed_url", models.BinaryField()),
                ("shown_url", models.CharField(max_length=2000)),
                ("events", models.JSONField(default=list)),
                ("sealed_secret", models.BinaryField(default=b"")),
                ("sealed_old_secret", models.BinaryField(default=b"")),
                ("old_secret_until", models.DateTimeField(null=True)),
                ("paused_at", models.DateTimeField(null=True)),
                ("paused_reason", models.CharField(blank=True, max_length=200)),
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
                "verbose_name": "notification channel",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
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
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("mail", "E-mail"),
                            ("digest", "E-mail digest"),
                            ("webhook", "Webhook"),
                            ("slack", "Slack"),
                            ("teams", "Teams"),
                        ],
                        max_length=8,
                    ),
                ),
                ("batch", models.UUIDField(editable=False)),
                ("event", models.CharField(max_length=40)),
                ("title", models.CharField(max_length=200)),
                ("target", models.CharField(max_length=200)),
                ("content", models.JSONField(default=dict)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("retrying", "Failed, tried again"),
                            ("sent", "Delivered"),
                            ("failed", "Given up"),
                        ],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("status_code", models.PositiveSmallIntegerField(null=True)),
                ("error", models.CharField(blank=True, max_length=300)),
                ("milliseconds", models.PositiveIntegerField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("tried_at", models.DateTimeField(null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                (
                    "channel",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="deliveries",
                        to="notifications.channel",
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
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "notification delivery",
                "verbose_name_plural": "notification deliveries",
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.AddField(
            model_name="notification",
            name="digest",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="told",
                to="notifications.delivery",
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("digest__isnull", True), ("mail", "digest")),
                fields=["tenant", "user"],
                name="notification_for_digest",
            ),
        ),
        migrations.AddField(
            model_name="preference",
            name="tenant",
            field=models.ForeignKey(
                editable=False,
                on_delete=django.db.models.deletion.PROTECT,
                to="tenants.tenant",
            ),
        ),
        migrations.AddField(
            model_name="preference",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.UniqueConstraint(
                fields=("tenant", "name"), name="notifications_channel_name_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "events__contained_by",
                        [
                            "approval.requested",
                            "approval.reminder",
                            "approval.escalated",
                            "approval.decided",
                            "elevation.activated",
                            "elevation.ending",
                            "elevation.ended",
                            "delegation.offered",
                            "delegation.accepted",
                            "delegation.ended",
                            "assignment.out_of_band",
                            "review.opened",
                            "review.reminder",
                            "linter.finding",
                        ],
                    )
                ),
                name="notifications_channel_known_events",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                fields=["tenant", "-created_at"], name="notification_delivery_log"
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(
                condition=models.Q(("channel__isnull", False)),
                fields=("batch", "channel"),
                name="notification_once_a_channel",
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("kind__in", ["mail", "digest"]), ("user__isnull", False)
                ),
                fields=("batch", "user"),
                name="notification_once_a_mailbox",
            ),
        ),
        migrations.AddConstraint(
            model_name="preference",
            constraint=models.UniqueConstraint(
                fields=("tenant", "user", "event"), name="notification_preference_one"
            ),
        ),
        EnableRowLevelSecurity("Preference"),
        EnableRowLevelSecurity("Channel"),
        EnableRowLevelSecurity("Delivery"),
    ]
