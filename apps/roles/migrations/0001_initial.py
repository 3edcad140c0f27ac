import uuid

import django.db.models.deletion
from django.db import migrations, models

from apps.core.operations import EnableRowLevelSecurity

# The lock makes two transactions that each add one edge of a cycle see each other.
GUARD_PARENTS = """
CREATE FUNCTION roles_guard_parents() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    above integer;
    below integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('roles:' || NEW.tenant_id, 0));
    IF EXISTS (
        WITH RECURSIVE up(id) AS (
            SELECT NEW.parent_id
            UNION
            SELECT link.parent_id FROM roles_roleparent link
            JOIN up ON link.child_id = up.id
        )
        SELECT 1 FROM up WHERE id = NEW.child_id
    ) THEN
        RAISE EXCEPTION 'role inheritance would run in a circle'
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'roles_roleparent_acyclic';
    END IF;
    WITH RECURSIVE up(id, depth) AS (
        SELECT NEW.parent_id, 1
        UNION
        SELECT link.parent_id, up.depth + 1 FROM roles_roleparent link
        JOIN up ON link.child_id = up.id WHERE up.depth <= 10
    )
    SELECT max(depth) INTO above FROM up;
    WITH RECURSIVE down(id, depth) AS (
        SELECT NEW.child_id, 0
        UNION
        SELECT link.child_id, down.depth + 1 FROM roles_roleparent link
        JOIN down ON link.parent_id = down.id WHERE down.depth <= 10
    )
    SELECT max(depth) INTO below FROM down;
    IF above + below > 10 THEN
        RAISE EXCEPTION 'role inheritance is deeper than 10'
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'roles_roleparent_depth';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_parents BEFORE INSERT OR UPDATE ON roles_roleparent
    FOR EACH ROW EXECUTE FUNCTION roles_guard_parents();
"""
UNGUARD_PARENTS = """
DROP TRIGGER guard_parents ON roles_roleparent;
DROP FUNCTION roles_guard_parents();
"""
GUARD_GROUPS = """
CREATE FUNCTION roles_guard_groups() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT type FROM roles_resource WHERE id = NEW.group_id)
           IS DISTINCT FROM 'ResourceGroup'
       OR (SELECT type FROM roles_resource WHERE id = NEW.resource_id)
           IS NOT DISTINCT FROM 'ResourceGroup' THEN
        RAISE EXCEPTION 'groups hold resources that are not groups'
            USING ERRCODE = 'integrity_constraint_violation',
                  CONSTRAINT = 'roles_groupmembership_flat';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_groups BEFORE INSERT OR UPDATE ON roles_resourcegroupmembership
    FOR EACH ROW EXECUTE FUNCTION roles_guard_groups();
"""
UNGUARD_GROUPS = """
DROP TRIGGER guard_groups ON roles_resourcegroupmembership;
DROP FUNCTION roles_guard_groups();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Principal",
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
                    "type",
                    models.CharField(
                        choices=[("User", "User"), ("Service", "Service")],
                        max_length=16,
                    ),
                ),
                ("key", models.CharField(max_length=255)),
                ("name", models.CharField(blank=True, max_length=150)),
                ("attributes", models.JSONField(blank=True, default=dict)),
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
                "ordering": ["type", "key"],
            },
        ),
        migrations.CreateModel(
            name="Resource",
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
                ("type", models.CharField(max_length=63)),
                ("key", models.CharField(max_length=255)),
                ("name", models.CharField(blank=True, max_length=150)),
                ("attributes", models.JSONField(blank=True, default=dict)),
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
                "ordering": ["type", "key"],
            },
        ),
        migrations.CreateModel(
            name="ResourceGroupMembership",
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
                    "group",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="member_links",
                        to="roles.resource",
                    ),
                ),
                (
                    "resource",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="group_links",
                        to="roles.resource",
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
        migrations.AddField(
            model_name="resource",
            name="groups",
            field=models.ManyToManyField(
                related_name="members",
                through="roles.ResourceGroupMembership",
                through_fields=("resource", "group"),
                to="roles.resource",
            ),
        ),
        migrations.CreateModel(
            name="ResourceType",
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
                ("name", models.CharField(max_length=63)),
                ("description", models.CharField(blank=True, max_length=200)),
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
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Permission",
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
                ("action", models.CharField(max_length=63)),
                (
                    "tier",
                    models.CharField(
                        choices=[
                            ("read_only", "ReadOnly"),
                            ("operator", "Operator"),
                            ("admin", "Admin"),
                        ],
                        max_length=16,
                    ),
                ),
                ("description", models.CharField(blank=True, max_length=200)),
                (
                    "tenant",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="tenants.tenant",
                    ),
                ),
                (
                    "resource_type",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="permissions",
                        to="roles.resourcetype",
                    ),
                ),
            ],
            options={
                "ordering": ["resource_type__name", "action"],
            },
        ),
        migrations.CreateModel(
            name="Role",
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
                ("description", models.TextField(blank=True)),
                (
                    "tier",
                    models.CharField(
                        choices=[
                            ("read_only", "ReadOnly"),
                            ("operator", "Operator"),
                            ("admin", "Admin"),
                        ],
                        max_length=16,
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
                "ordering": ["slug"],
            },
        ),
        migrations.CreateModel(
            name="Assignment",
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
                ("start", models.DateTimeField(blank=True, null=True)),
                ("end", models.DateTimeField(blank=True, null=True)),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("standing", "Standing"),
                            ("elevation", "Elevation"),
                            ("delegation", "Delegation"),
                            ("break_glass", "Break-glass"),
                        ],
                        default="standing",
                        max_length=16,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="tenants.tenant",
                    ),
                ),
                (
                    "principal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assignments",
                        to="roles.principal",
                    ),
                ),
                (
                    "scope",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assignments",
                        to="roles.resource",
                    ),
                ),
                (
                    "role",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assignments",
                        to="roles.role",
                    ),
                ),
            ],
            options={
                "ordering": ["principal__key", "role__slug"],
            },
        ),
        migrations.CreateModel(
            name="RoleParent",
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
                    "child",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parent_links",
                        to="roles.role",
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="child_links",
                        to="roles.role",
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
        migrations.AddField(
            model_name="role",
            name="parents",
            field=models.ManyToManyField(
                related_name="children",
                through="roles.RoleParent",
                through_fields=("child", "parent"),
                to="roles.role",
            ),
        ),
        migrations.CreateModel(
            name="RolePermission",
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
                    "permission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="roles.permission",
                    ),
                ),
                (
                    "role",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="grants",
                        to="roles.role",
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
        migrations.AddField(
            model_name="role",
            name="permissions",
            field=models.ManyToManyField(
                related_name="roles",
                through="roles.RolePermission",
                to="roles.permission",
            ),
        ),
        migrations.CreateModel(
            name="AttributeDefinition",
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
                ("entity_type", models.CharField(max_length=63)),
                ("name", models.CharField(max_length=63)),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("string", "Text"),
                            ("long", "Whole number"),
                            ("bool", "Yes or no"),
                            ("strings", "List of texts"),
                        ],
                        max_length=16,
                    ),
                ),
                ("description", models.CharField(blank=True, max_length=200)),
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
                "ordering": ["entity_type", "name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "entity_type", "name"),
                        name="roles_attribute_unique",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("name__regex", "^[a-z][a-z0-9_]{0,62}$")),
                        name="roles_attribute_name_shape",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("type__in", ["string", "long", "bool", "strings"])
                        ),
                        name="roles_attribute_type_known",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="principal",
            constraint=models.UniqueConstraint(
                fields=("tenant", "type", "key"), name="roles_principal_key_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="principal",
            constraint=models.CheckConstraint(
                condition=models.Q(("type__in", ["User", "Service"])),
                name="roles_principal_type_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="principal",
            constraint=models.CheckConstraint(
                condition=models.Q(("key", ""), _negated=True),
                name="roles_principal_key_set",
            ),
        ),
        migrations.AddConstraint(
            model_name="resourcegroupmembership",
            constraint=models.UniqueConstraint(
                fields=("resource", "group"), name="roles_groupmembership_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="resource",
            constraint=models.UniqueConstraint(
                fields=("tenant", "type", "key"), name="roles_resource_key_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="resource",
            constraint=models.CheckConstraint(
                condition=models.Q(("type__regex", "^[A-Za-z][A-Za-z0-9_]{0,62}$")),
                name="roles_resource_type_shape",
            ),
        ),
        migrations.AddConstraint(
            model_name="resource",
            constraint=models.CheckConstraint(
                condition=models.Q(("key", ""), _negated=True),
                name="roles_resource_key_set",
            ),
        ),
        migrations.AddConstraint(
            model_name="resourcetype",
            constraint=models.UniqueConstraint(
                fields=("tenant", "name"), name="roles_resourcetype_name_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="resourcetype",
            constraint=models.CheckConstraint(
                condition=models.Q(("name__regex", "^[A-Za-z][A-Za-z0-9_]{0,62}$")),
                name="roles_resourcetype_name_shape",
            ),
        ),
        migrations.AddConstraint(
            model_name="permission",
            constraint=models.UniqueConstraint(
                fields=("tenant", "action", "resource_type"),
                name="roles_permission_unique",
            ),
        ),
        migrations.AddConstraint(
            model_name="permission",
            constraint=models.CheckConstraint(
                condition=models.Q(("tier__in", ["read_only", "operator", "admin"])),
                name="roles_permission_tier_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("revoked_at__isnull", True), ("source", "standing")
                ),
                fields=("principal", "role", "scope"),
                name="roles_assignment_standing_unique",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "source__in",
                        ["standing", "elevation", "delegation", "break_glass"],
                    )
                ),
                name="roles_assignment_source_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("start__isnull", True),
                    ("end__isnull", True),
                    ("start__lt", models.F("end")),
                    _connector="OR",
                ),
                name="roles_assignment_end_after_start",
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("source", "standing"), ("end__isnull", False), _connector="OR"
                ),
                name="roles_assignment_temporary_ends",
            ),
        ),
        migrations.AddConstraint(
            model_name="roleparent",
            constraint=models.UniqueConstraint(
                fields=("child", "parent"), name="roles_roleparent_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="roleparent",
            constraint=models.CheckConstraint(
                condition=models.Q(("child", models.F("parent")), _negated=True),
                name="roles_roleparent_not_itself",
            ),
        ),
        migrations.AddConstraint(
            model_name="rolepermission",
            constraint=models.UniqueConstraint(
                fields=("role", "permission"), name="roles_rolepermission_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="role",
            constraint=models.UniqueConstraint(
                fields=("tenant", "slug"), name="roles_role_slug_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="role",
            constraint=models.CheckConstraint(
                condition=models.Q(("slug__regex", "^[a-z][a-z0-9-]{0,62}$")),
                name="roles_role_slug_shape",
            ),
        ),
        migrations.AddConstraint(
            model_name="role",
            constraint=models.CheckConstraint(
                condition=models.Q(("tier__in", ["read_only", "operator", "admin"])),
                name="roles_role_tier_known",
            ),
        ),
        EnableRowLevelSecurity("ResourceType"),
        EnableRowLevelSecurity("Permission"),
        EnableRowLevelSecurity("Role"),
        EnableRowLevelSecurity("RolePermission"),
        EnableRowLevelSecurity("RoleParent"),
        EnableRowLevelSecurity("Principal"),
        EnableRowLevelSecurity("Resource"),
        EnableRowLevelSecurity("ResourceGroupMembership"),
        EnableRowLevelSecurity("Assignment"),
        EnableRowLevelSecurity("AttributeDefinition"),
        migrations.RunSQL(GUARD_PARENTS, UNGUARD_PARENTS),
        migrations.RunSQL(GUARD_GROUPS, UNGUARD_GROUPS),
    ]
