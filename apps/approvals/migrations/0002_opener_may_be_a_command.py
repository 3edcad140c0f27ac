from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="approvalrequest",
            name="opened_by_id",
            field=models.UUIDField(blank=True, null=True),
        ),
    ]
