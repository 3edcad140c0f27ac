"""Migration operations for rules that PostgreSQL itself must keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.migrations.operations.base import Operation
from typing_extensions import override

if TYPE_CHECKING:
    from django.db.backends.base.schema import BaseDatabaseSchemaEditor
    from django.db.migrations.state import ProjectState

APP_ROLE = "portward_app"
SYSTEM_ROLE = "portward_system"

# NULLIF: after a transaction the setting reads as '' and not as NULL. The sub-select
# makes PostgreSQL evaluate it once for a statement instead of once for a row.
TENANT_PREDICATE = (
    "tenant_id = (SELECT NULLIF(current_setting('app.tenant_id', true), '')::uuid)"
)


class _TableOperation(Operation):
    """An operation on the table of one model."""

    reversible = True
    reduces_to_sql = True

    def __init__(self, model_name: str) -> None:
        self.model_name = model_name

    @override
    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Leave the model state alone: only the database changes."""

    def _table(
        self, app_label: str, editor: BaseDatabaseSchemaEditor, state: ProjectState
    ) -> str:
        model = state.apps.get_model(app_label, self.model_name)
        return editor.quote_name(model._meta.db_table)  # noqa: SLF001  # Django's documented model API


class EnableRowLevelSecurity(_TableOperation):
    """Show and accept only rows of the tenant whose scope is open.

    FORCE makes the table's owner subject to the policy too. `own_rows` names a column
    that is compared with the signed-in user, so that people can read (not write) the
    rows that are about themselves in every tenant. PostgreSQL manual, section 5.9.
    """

    def __init__(self, model_name: str, own_rows: str = "") -> None:
        super().__init__(model_name)
        self.own_rows = own_rows

    @override
    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """Describe the operation for the migration writer."""
        kwargs = {"own_rows": self.own_rows} if self.own_rows else {}
        return (type(self).__name__, [self.model_name], kwargs)

    @override
    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        table = self._table(app_label, schema_editor, to_state)
        run = schema_editor.execute
        run(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        run(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        run(
            f"CREATE POLICY tenant_isolation ON {table} "
            f"USING ({TENANT_PREDICATE}) WITH CHECK ({TENANT_PREDICATE})"
        )
        if self.own_rows:
            column = schema_editor.quote_name(self.own_rows)
            run(
                f"CREATE POLICY own_rows ON {table} FOR SELECT USING ({column} = "
                "(SELECT NULLIF(current_setting('app.user_id', true), '')::uuid))"
            )
        run(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP_ROLE}")

    @override
    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        table = self._table(app_label, schema_editor, from_state)
        schema_editor.execute(f"DROP POLICY IF EXISTS own_rows ON {table}")
        schema_editor.execute(f"DROP POLICY tenant_isolation ON {table}")
        schema_editor.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")

    @override
    def describe(self) -> str:
        return f"Enable row level security on {self.model_name}"

    @property
    @override
    def migration_name_fragment(self) -> str:
        return f"rls_{self.model_name.lower()}"


class InsertOnly(_TableOperation):
    """Refuse UPDATE and DELETE on a table, by grant and by trigger.

    The grant stops the run-time role; the trigger also stops the owner, so that a
    slip in a migration cannot rewrite history unnoticed.
    """

    @override
    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        table = self._table(app_label, schema_editor, to_state)
        schema_editor.execute(f"REVOKE UPDATE, DELETE ON {table} FROM {APP_ROLE}")
        schema_editor.execute(
            f"CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION portward_refuse_change()"
        )

    @override
    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        table = self._table(app_label, schema_editor, from_state)
        schema_editor.execute(f"DROP TRIGGER insert_only ON {table}")
        schema_editor.execute(f"GRANT UPDATE, DELETE ON {table} TO {APP_ROLE}")

    @override
    def describe(self) -> str:
        return f"Make {self.model_name} insert-only"

    @property
    @override
    def migration_name_fragment(self) -> str:
        return f"insert_only_{self.model_name.lower()}"
