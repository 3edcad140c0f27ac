"""Buckets in an unlogged table, known addresses, and counts of refusals."""

from django.db import migrations, models

# Levels are worth nothing after a crash, and the write-ahead log would double their
# price. Free space on each page lets an update stay on it (heap-only tuples).
UNLOGGED = """
ALTER TABLE limits_bucketlevel SET UNLOGGED;
ALTER TABLE limits_bucketlevel SET (
    fillfactor = 50,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 0
);
"""
LOGGED = """
ALTER TABLE limits_bucketlevel RESET (
    fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_cost_delay
);
ALTER TABLE limits_bucketlevel SET LOGGED;
"""


class Migration(migrations.Migration):
    initial = True

    # Only tables that come later get the default privileges of the run-time role.
    dependencies = [("core", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="BucketLevel",
            fields=[
                (
                    "key",
                    models.CharField(max_length=64, primary_key=True, serialize=False),
                ),
                ("full_at", models.BigIntegerField()),
                ("at", models.BigIntegerField()),
                ("is_allowed", models.BooleanField()),
            ],
        ),
        migrations.RunSQL(UNLOGGED, LOGGED),
        migrations.CreateModel(
            name="KnownAddress",
            fields=[
                (
                    "key",
                    models.CharField(max_length=64, primary_key=True, serialize=False),
                ),
                ("seen_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Refusal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("code", models.CharField(max_length=80)),
                ("prefix", models.CharField(max_length=64)),
                ("hour", models.DateTimeField()),
                ("count", models.PositiveBigIntegerField(default=1)),
            ],
            options={
                "ordering": ["-hour", "code", "prefix"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("hour", "code", "prefix"), name="limits_refusal_unique"
                    )
                ],
            },
        ),
    ]
