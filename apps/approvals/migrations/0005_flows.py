from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0004_subjects"),
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="approvalflow",
            options={
                "ordering": ["kind", "order", "name"],
                "verbose_name": "approval flow",
            },
        ),
        migrations.RemoveConstraint(
            model_name="approvalflow",
            name="approvals_flow_kind_unique",
        ),
        migrations.AddField(
            model_name="approvalflow",
            name="is_active",
            field=models.BooleanField(default=True, verbose_name="active"),
        ),
        migrations.AddField(
            model_name="approvalflow",
            name="match",
            field=models.JSONField(
                default=dict,
                help_text="See approvals.rules.parse_match; empty fits all.",
            ),
        ),
        migrations.AddField(
            model_name="approvalflow",
            name="name",
            field=models.CharField(default="Standard", max_length=60),
        ),
        migrations.AddField(
            model_name="approvalflow",
            name="order",
            field=models.PositiveSmallIntegerField(default=100),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="escalated",
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="reminders_sent",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="stage",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="stage_started_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="tally",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="voided_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="requestitem",
            name="draft_lock",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="vote",
            name="way",
            field=models.JSONField(default=list),
        ),
        migrations.AddConstraint(
            model_name="approvalflow",
            constraint=models.UniqueConstraint(
                fields=("tenant", "kind", "name"), name="approvals_flow_name_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="approvalflow",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True),
                name="approvals_flow_name_set",
            ),
        ),
    ]
