"""Let the database keep whose a passkey was: it ends once, and nothing else changes."""

from django.db import migrations

GUARD = """
CREATE FUNCTION accounts_guard_key_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'records of keys are kept for ever'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.until IS NOT NULL
       OR (to_jsonb(NEW) - 'until') IS DISTINCT FROM (to_jsonb(OLD) - 'until') THEN
        RAISE EXCEPTION 'record % stays what it is', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_key_record BEFORE UPDATE OR DELETE ON accounts_keyrecord
    FOR EACH ROW EXECUTE FUNCTION accounts_guard_key_record();
"""
UNGUARD = """
DROP TRIGGER guard_key_record ON accounts_keyrecord;
DROP FUNCTION accounts_guard_key_record();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0012_key_records")]

    operations = [migrations.RunSQL(GUARD, UNGUARD)]
