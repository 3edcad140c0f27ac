import uuid

import django.db.models.deletion
from django.db import migrations, models

from apps.core.operations import EnableRowLevelSecurity

# Who writes past the services writes past this only by dropping the trigger. A request
# vouches for the role and the principal that it was about, and for nothing else. What
# only takes away (an end, a revocation) needs nobody's word.
MARK = """
CREATE FUNCTION approvals_vouched(given roles_assignment) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF given.workflow_id IS NULL THEN
        RETURN false;
    END IF;
    IF given.workflow = 'request' THEN
        RETURN EXISTS (
            SELECT 1
            FROM approvals_approvalrequest request
            JOIN roles_role role ON role.id = given.role_id
            JOIN roles_principal principal ON principal.id = given.principal_id
            WHERE request.id = given.workflow_id
              AND request.tenant_id = given.tenant_id
              AND request.state = 'approved'
              AND request.kind IN ('elevation', 'assignment')
              AND request.document #>> '{subject,role}' = role.slug
              AND COALESCE(
                  request.document #>> '{subject,document,principal,id}', principal.key
              ) = principal.key
        );
    END IF;
    RETURN given.workflow IN ('delegation', 'break_glass', 'review', 'setup');
END $$;

CREATE FUNCTION approvals_mark_out_of_band() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.is_out_of_band := NOT approvals_vouched(NEW);
        RETURN NEW;
    END IF;
    IF OLD.is_out_of_band AND NOT NEW.is_out_of_band THEN
        RAISE EXCEPTION 'assignment % stays marked as out of band', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.tenant_id, NEW.principal_id, NEW.role_id, NEW.scope_id, NEW.source,
        NEW.delegator_id, NEW.workflow, NEW.workflow_id)
       IS DISTINCT FROM
       (OLD.tenant_id, OLD.principal_id, OLD.role_id, OLD.scope_id, OLD.source,
        OLD.delegator_id, OLD.workflow, OLD.workflow_id)
       OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NULL)
       OR COALESCE(NEW."end", 'infinity') > COALESCE(OLD."end", 'infinity')
       OR COALESCE(NEW.start, '-infinity') < COALESCE(OLD.start, '-infinity') THEN
        NEW.is_out_of_band := true;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER mark_out_of_band BEFORE INSERT OR UPDATE ON roles_assignment
    FOR EACH ROW EXECUTE FUNCTION approvals_mark_out_of_band();
"""
UNMARK = """
DROP TRIGGER mark_out_of_band ON roles_assignment;
DROP FUNCTION approvals_mark_out_of_band();
DROP FUNCTION approvals_vouched(roles_assignment);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0005_flows"),
        ("roles", "0003_separation_of_duties"),
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="OutOfBandAlert",
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
                (
                    "assignment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="roles.assignment",
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
            options={"abstract": False},
        ),
        EnableRowLevelSecurity("OutOfBandAlert"),
        migrations.RunSQL(MARK, UNMARK),
    ]
