from django.db import migrations, models

# As before, and what the request is about and how long it waits stay too.
GUARD = """
CREATE OR REPLACE FUNCTION approvals_guard_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'requests are kept for ever'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.state <> 'open' THEN
        RAISE EXCEPTION 'request % is closed', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.id, NEW.tenant_id, NEW.kind, NEW.title, NEW.reason, NEW.flow, NEW.document,
        NEW.digest, NEW.opened_by_id, NEW.opened_by_name, NEW.created_at,
        NEW.subject_id, NEW.expires_at)
       IS DISTINCT FROM
       (OLD.id, OLD.tenant_id, OLD.kind, OLD.title, OLD.reason, OLD.flow, OLD.document,
        OLD.digest, OLD.opened_by_id, OLD.opened_by_name, OLD.created_at,
        OLD.subject_id, OLD.expires_at) THEN
        RAISE EXCEPTION 'what request % proposes is immutable', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0003_kinds_of_requests"),
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="approvalrequest",
            options={"ordering": ["-created_at"], "verbose_name": "request"},
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="expires_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="subject_id",
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="approvalrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "change"), ("subject_id__isnull", True)),
                    models.Q(
                        models.Q(("kind", "change"), _negated=True),
                        ("subject_id__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="approvals_request_subject_of_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="approvalrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "open")),
                fields=("tenant", "subject_id"),
                name="approvals_request_one_open_per_subject",
            ),
        ),
        migrations.RunSQL(GUARD, migrations.RunSQL.noop),
    ]
