import uuid

import django.db.models.deletion
from django.db import migrations, models

from apps.core.operations import EnableRowLevelSecurity, InsertOnly

# The bytes become final when the release is signed; what they describe never changes.
# The timestamp and the revision of a release only grow.
GUARD = """
CREATE FUNCTION bundles_guard_release() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'releases are kept for ever'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.state = 'signed' THEN
        RAISE EXCEPTION 'release % is signed', OLD.revision
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.id, NEW.tenant_id, NEW.revision, NEW.previous_id, NEW.state_digest,
        NEW.manifest, NEW.certificates, NEW.created_at)
       IS DISTINCT FROM
       (OLD.id, OLD.tenant_id, OLD.revision, OLD.previous_id, OLD.state_digest,
        OLD.manifest, OLD.certificates, OLD.created_at)
       OR (NEW.state <> 'signed' AND NEW.snapshot IS DISTINCT FROM OLD.snapshot) THEN
        RAISE EXCEPTION 'what release % contains is immutable', OLD.revision
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_release BEFORE UPDATE OR DELETE ON bundles_release
    FOR EACH ROW EXECUTE FUNCTION bundles_guard_release();

CREATE FUNCTION bundles_guard_timestamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.version <= OLD.version OR NEW.tenant_id <> OLD.tenant_id THEN
        RAISE EXCEPTION 'timestamp % is not newer than %', NEW.version, OLD.version
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_timestamp BEFORE UPDATE ON bundles_timestampmetadata
    FOR EACH ROW EXECUTE FUNCTION bundles_guard_timestamp();
"""
UNGUARD = """
DROP TRIGGER guard_timestamp ON bundles_timestampmetadata;
DROP FUNCTION bundles_guard_timestamp();
DROP TRIGGER guard_release ON bundles_release;
DROP FUNCTION bundles_guard_release();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Release",
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
                ("revision", models.PositiveBigIntegerField()),
                ("state_digest", models.CharField(max_length=71)),
                ("manifest", models.JSONField()),
                ("certificates", models.JSONField()),
                ("snapshot", models.BinaryField()),
                ("size", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("building", "Waiting for signature"),
                            ("signed", "Signed"),
                            ("failed", "Failed"),
                        ],
                        default="building",
                        max_length=16,
                    ),
                ),
                ("failure", models.TextField(blank=True)),
                ("created_at", models.DateTimeField()),
                ("signed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "previous",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="next",
                        to="bundles.release",
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
                "ordering": ["-revision"],
            },
        ),
        migrations.CreateModel(
            name="RootMetadata",
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
                ("version", models.PositiveIntegerField()),
                ("metadata", models.BinaryField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
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
                "ordering": ["-version"],
            },
        ),
        migrations.CreateModel(
            name="BundleSignature",
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
                ("targets", models.BinaryField()),
                ("snapshot", models.BinaryField()),
                ("key_ids", models.JSONField()),
                ("created_at", models.DateTimeField()),
                (
                    "tenant",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="tenants.tenant",
                    ),
                ),
                (
                    "release",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="signature",
                        to="bundles.release",
                    ),
                ),
                (
                    "root",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        to="bundles.rootmetadata",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="TimestampMetadata",
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
                ("version", models.PositiveBigIntegerField()),
                ("metadata", models.BinaryField()),
                ("signed_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                (
                    "release",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        to="bundles.release",
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
        ),
        migrations.AddConstraint(
            model_name="release",
            constraint=models.UniqueConstraint(
                fields=("tenant", "revision"), name="bundles_release_revision_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="release",
            constraint=models.CheckConstraint(
                condition=models.Q(("revision__gte", 1)),
                name="bundles_release_revision_positive",
            ),
        ),
        migrations.AddConstraint(
            model_name="release",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["building", "signed", "failed"])),
                name="bundles_release_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="release",
            constraint=models.CheckConstraint(
                condition=models.Q(("state_digest__regex", "^sha256:[0-9a-f]{64}$")),
                name="bundles_release_digest_shape",
            ),
        ),
        migrations.AddConstraint(
            model_name="release",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("signed_at__isnull", False), ("state", "signed")),
                    models.Q(
                        models.Q(("state", "signed"), _negated=True),
                        ("signed_at__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="bundles_release_signed_has_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="rootmetadata",
            constraint=models.UniqueConstraint(
                fields=("tenant", "version"), name="bundles_root_version_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="timestampmetadata",
            constraint=models.UniqueConstraint(
                fields=("tenant",), name="bundles_timestamp_one_for_a_tenant"
            ),
        ),
        EnableRowLevelSecurity("Release"),
        EnableRowLevelSecurity("RootMetadata"),
        EnableRowLevelSecurity("BundleSignature"),
        EnableRowLevelSecurity("TimestampMetadata"),
        InsertOnly("RootMetadata"),
        InsertOnly("BundleSignature"),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
