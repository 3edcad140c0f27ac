"""Grants for the run-time role, and the trigger function of insert-only tables."""

from django.db import migrations

GRANTS = """
GRANT USAGE ON SCHEMA public TO portward_app, portward_system;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO portward_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO portward_app;
GRANT SELECT ON django_migrations TO portward_app;
"""
UNGRANTS = """
ALTER DEFAULT PRIVILEGES IN SCHEMA public
    REVOKE SELECT, INSERT, UPDATE, DELETE ON TABLES FROM portward_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public
    REVOKE USAGE, SELECT ON SEQUENCES FROM portward_app;
"""
REFUSE = """
CREATE FUNCTION portward_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are immutable', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    # Default privileges reach only tables that are created later.
    run_before = [("contenttypes", "0001_initial"), ("sessions", "0001_initial")]
    operations = [
        migrations.RunSQL(GRANTS, UNGRANTS),
        migrations.RunSQL(REFUSE, "DROP FUNCTION portward_refuse_change()"),
    ]
