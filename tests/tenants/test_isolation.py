"""Tenants are separated by the database itself."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection

from apps.tenants.models import TenantModel

TENANT_MODELS = [m for m in apps.get_models() if issubclass(m, TenantModel)]


def test_there_are_tenant_tables_to_check() -> None:
    assert TENANT_MODELS


@pytest.mark.django_db
@pytest.mark.parametrize("model", TENANT_MODELS, ids=lambda m: m.__name__)
def test_every_tenant_table_carries_a_forced_policy(model: type[TenantModel]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relrowsecurity, c.relforcerowsecurity, "
            "(SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid "
            " AND p.polname = 'tenant_isolation') "
            "FROM pg_class c WHERE c.oid = to_regclass(%s)",
            [model._meta.db_table],
        )
        assert cursor.fetchone() == (True, True, 1)


@pytest.mark.django_db
def test_the_run_time_role_neither_owns_tables_nor_bypasses_policies() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_user, rolsuper, rolbypassrls, "
            "EXISTS (SELECT 1 FROM pg_tables WHERE tableowner = current_user) "
            "FROM pg_roles WHERE rolname = current_user"
        )
        assert cursor.fetchone() == ("portward_app", False, False, False)
