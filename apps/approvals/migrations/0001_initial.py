import uuid

import django.db.models.deletion
from django.db import migrations, models

from apps.core.operations import EnableRowLevelSecurity, InsertOnly

# What was proposed stays as it was; a request moves once, from open to a final state.
GUARD = """
CREATE FUNCTION approvals_guard_request() RETURNS trigger LANGUAGE plpgsql AS $$
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
        NEW.digest, NEW.opened_by_id, NEW.opened_by_name, NEW.created_at)
       IS DISTINCT FROM
       (OLD.id, OLD.tenant_id, OLD.kind, OLD.title, OLD.reason, OLD.flow, OLD.document,
        OLD.digest, OLD.opened_by_id, OLD.opened_by_name, OLD.created_at) THEN
        RAISE EXCEPTION 'what request % proposes is immutable', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_request BEFORE UPDATE OR DELETE ON approvals_approvalrequest
    FOR EACH ROW EXECUTE FUNCTION approvals_guard_request();
"""
UNGUARD = """
DROP TRIGGER guard_request ON approvals_approvalrequest;
DROP FUNCTION approvals_guard_request();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="ApprovalRequest",
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
                    "kind",
                    models.CharField(
                        choices=[("change", "Policy change")],
                        default="change",
                        max_length=16,
                    ),
                ),
                ("title", models.CharField(max_length=160)),
                ("reason", models.TextField()),
                ("flow", models.JSONField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("approved", "Approved"),
                            ("denied", "Denied"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="open",
                        max_length=16,
                    ),
                ),
                ("document", models.JSONField()),
                ("digest", models.CharField(max_length=71)),
                ("opened_by_id", models.UUIDField()),
                ("opened_by_name", models.CharField(max_length=150)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closed_by_id", models.UUIDField(blank=True, null=True)),
                ("closed_by_name", models.CharField(blank=True, max_length=150)),
                ("closing_reason", models.TextField(blank=True)),
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
                "verbose_name": "change request",
                "ordering": ["-created_at"],
            },
        ),
        migrations.CreateModel(
            name="RequestItem",
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
                ("position", models.PositiveSmallIntegerField()),
                ("draft_id", models.UUIDField()),
                ("policy_id", models.UUIDField()),
                ("name", models.CharField(max_length=200)),
                ("content_digest", models.CharField(max_length=71)),
                ("content", models.JSONField()),
                ("cedar", models.TextField()),
                ("before", models.JSONField(blank=True, null=True)),
                ("before_version", models.PositiveIntegerField(blank=True, null=True)),
                ("author_id", models.UUIDField(blank=True, null=True)),
                ("last_editor_id", models.UUIDField(blank=True, null=True)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="items",
                        to="approvals.approvalrequest",
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
            options={
                "ordering": ["position"],
            },
        ),
        migrations.CreateModel(
            name="Vote",
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
                ("stage", models.PositiveSmallIntegerField(default=0)),
                (
                    "verdict",
                    models.CharField(
                        choices=[("approve", "Approve"), ("deny", "Deny")], max_length=8
                    ),
                ),
                ("reason", models.TextField(blank=True)),
                ("user_id", models.UUIDField()),
                ("user_name", models.CharField(max_length=150)),
                ("roles", models.JSONField()),
                ("is_demo", models.BooleanField(default=False)),
                ("cast_at", models.DateTimeField()),
                ("document", models.JSONField()),
                ("digest", models.CharField(max_length=71)),
                ("credential_id", models.BinaryField()),
                ("client_data", models.BinaryField()),
                ("authenticator_data", models.BinaryField()),
                ("signature", models.BinaryField()),
                ("public_key", models.BinaryField()),
                ("rp_id", models.CharField(max_length=253)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="votes",
                        to="approvals.approvalrequest",
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
            options={
                "ordering": ["cast_at"],
            },
        ),
        migrations.CreateModel(
            name="ApprovalFlow",
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
                    "kind",
                    models.CharField(
                        choices=[("change", "Policy change")], max_length=16
                    ),
                ),
                (
                    "stages",
                    models.JSONField(help_text="See approvals.rules.parse_flow."),
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
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "kind"), name="approvals_flow_kind_unique"
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="approvalrequest",
            index=models.Index(
                fields=["tenant", "state"], name="approvals_request_state"
            ),
        ),
        migrations.AddConstraint(
            model_name="approvalrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["open", "approved", "denied", "cancelled"])
                ),
                name="approvals_request_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="approvalrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["change"])),
                name="approvals_request_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="approvalrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("digest__regex", "^sha256:[0-9a-f]{64}$")),
                name="approvals_request_digest_shape",
            ),
        ),
        migrations.AddConstraint(
            model_name="approvalrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at__isnull", True), ("state", "open")),
                    models.Q(
                        models.Q(("state", "open"), _negated=True),
                        ("closed_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="approvals_request_closed_has_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="requestitem",
            constraint=models.UniqueConstraint(
                fields=("request", "position"), name="approvals_item_position_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="requestitem",
            constraint=models.UniqueConstraint(
                fields=("request", "draft_id"), name="approvals_item_draft_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="vote",
            constraint=models.UniqueConstraint(
                fields=("request", "stage", "user_id"),
                name="approvals_vote_one_per_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="vote",
            constraint=models.CheckConstraint(
                condition=models.Q(("verdict__in", ["approve", "deny"])),
                name="approvals_vote_verdict_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="vote",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("verdict", "deny"), _negated=True),
                    models.Q(("reason", ""), _negated=True),
                    _connector="OR",
                ),
                name="approvals_vote_denial_has_reason",
            ),
        ),
        EnableRowLevelSecurity("ApprovalFlow"),
        EnableRowLevelSecurity("ApprovalRequest"),
        EnableRowLevelSecurity("RequestItem"),
        EnableRowLevelSecurity("Vote"),
        InsertOnly("RequestItem"),
        InsertOnly("Vote"),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
