"""Circuit breakers, in an unlogged table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("limits", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="CircuitBreaker",
            fields=[
                (
                    "key",
                    models.CharField(max_length=100, primary_key=True, serialize=False),
                ),
                ("tenant_id", models.UUIDField(db_index=True, null=True)),
                ("label", models.CharField(max_length=200)),
                ("seconds", models.JSONField(default=list)),
                ("opened_at", models.FloatField(null=True)),
                ("probed_at", models.FloatField(null=True)),
                ("last_error", models.CharField(blank=True, max_length=200)),
                ("failed_at", models.DateTimeField(null=True)),
                ("succeeded_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["label", "key"],
            },
        ),
        migrations.RunSQL(
            "ALTER TABLE limits_circuitbreaker SET UNLOGGED",
            "ALTER TABLE limits_circuitbreaker SET LOGGED",
        ),
    ]
