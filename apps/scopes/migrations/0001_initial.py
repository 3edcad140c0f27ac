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
            name="Location",
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
                ("slug", models.CharField(max_length=63, verbose_name="short name")),
                ("name", models.CharField(max_length=120)),
                (
                    "cidrs",
                    models.JSONField(default=list, verbose_name="address ranges"),
                ),
                ("countries", models.JSONField(default=list)),
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
                "ordering": ["slug"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "slug"), name="scopes_location_slug_unique"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("slug__regex", "^[a-z][a-z0-9-]{0,62}$")),
                        name="scopes_location_slug_shape",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("cidrs", []), ("countries", []), _negated=True
                        ),
                        name="scopes_location_not_empty",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TimeWindow",
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
                ("slug", models.CharField(max_length=63, verbose_name="short name")),
                ("name", models.CharField(max_length=120)),
                ("zone", models.CharField(max_length=64, verbose_name="time zone")),
                (
                    "weekdays",
                    models.JSONField(help_text="1 (Monday) to 7 (Sunday), ascending."),
                ),
                ("start_minute", models.PositiveSmallIntegerField()),
                ("end_minute", models.PositiveSmallIntegerField()),
                ("date_from", models.DateField(blank=True, null=True)),
                ("date_until", models.DateField(blank=True, null=True)),
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
                "ordering": ["slug"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "slug"), name="scopes_window_slug_unique"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("slug__regex", "^[a-z][a-z0-9-]{0,62}$")),
                        name="scopes_window_slug_shape",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("start_minute__lt", 1440), ("end_minute__lte", 1440)
                        ),
                        name="scopes_window_minutes_in_day",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("start_minute", models.F("end_minute")), _negated=True
                        ),
                        name="scopes_window_not_empty",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("date_from__isnull", True),
                            ("date_until__isnull", True),
                            ("date_from__lte", models.F("date_until")),
                            _connector="OR",
                        ),
                        name="scopes_window_dates_ordered",
                    ),
                ],
            },
        ),
        EnableRowLevelSecurity("TimeWindow"),
        EnableRowLevelSecurity("Location"),
    ]
