"""The functions that look across tenants give away ids, to one role only."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, connection, transaction

from apps.outbox import services
from apps.tenants.models import Tenant
from apps.tenants.services import guard_query, tenant_scope

FUNCTIONS = ["portward_outbox_due_tenants()", "portward_outbox_urgent_tenants()"]


@pytest.mark.django_db
@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_function_belongs_to_the_system_role_and_fixes_its_search_path(
    function: str,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.rolname, r.rolbypassrls, r.rolcanlogin, p.prosecdef, "
            "p.proconfig[1] LIKE 'search_path=pg_catalog%%', "
            "has_function_privilege('portward_app', p.oid, 'EXECUTE'), "
            "EXISTS (SELECT 1 FROM aclexplode(p.proacl) a WHERE a.grantee = 0) "
            "FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner "
            "WHERE p.oid = to_regprocedure(%s)",
            [function],
        )
        assert cursor.fetchone() == (
            *("portward_system", True, False, True, True, True, False),
        )


def test_it_gives_away_tenants_but_no_messages(
    tenant: Tenant, other_tenant: Tenant
) -> None:
    for owner in (tenant, other_tenant):
        with tenant_scope(owner.pk):
            services.enqueue(topic="tests.due", payload={"secret": owner.slug})
    connection.execute_wrappers.remove(guard_query)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM portward_outbox_due_tenants()")
            assert set(cursor.fetchall()) == {
                (tenant.pk,),
                (other_tenant.pk,),
            }
            cursor.execute("SELECT count(*) FROM outbox_outboxmessage")
            assert cursor.fetchone() == (0,)
    finally:
        connection.execute_wrappers.append(guard_query)


@pytest.mark.django_db
def test_the_run_time_role_cannot_become_the_system_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_has_role('portward_app', 'portward_system', 'MEMBER')"
        )
        assert cursor.fetchone() == (False,)
    with pytest.raises(ProgrammingError), transaction.atomic():
        connection.cursor().execute("CREATE FUNCTION f() RETURNS int RETURN 1")
