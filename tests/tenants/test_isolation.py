"""Tenants are separated by the database itself."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import ProgrammingError, connection, transaction

from apps.outbox import services as outbox
from apps.outbox.models import OutboxMessage
from apps.tenants.errors import TenantContextMissingError
from apps.tenants.models import Tenant, TenantModel
from apps.tenants.services import current_tenant_id, guard_query, tenant_scope

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


def test_a_forgotten_filter_leaks_nothing(tenant: Tenant, other_tenant: Tenant) -> None:
    for owner in (tenant, other_tenant):
        with tenant_scope(owner.pk):
            enqueue(owner.slug)
    with tenant_scope(tenant.pk), connection.cursor() as cursor:
        assert [m.payload for m in OutboxMessage.objects.all()] == [{"n": "acme"}]
        assert OutboxMessage.objects.filter(tenant=other_tenant).count() == 0
        cursor.execute("SELECT count(*) FROM outbox_outboxmessage")
        assert cursor.fetchone() == (1,)
        assert OutboxMessage.objects.update(topic="tests.changed") == 1
        cursor.execute(
            "DELETE FROM outbox_outboxmessage WHERE topic = 'tests.isolated'"
        )
        assert cursor.rowcount == 0
    with tenant_scope(other_tenant.pk):
        assert OutboxMessage.objects.get().topic == "tests.isolated"


def test_a_row_cannot_be_written_into_or_moved_to_another_tenant(
    tenant: Tenant, other_tenant: Tenant
) -> None:
    with tenant_scope(tenant.pk):
        message = enqueue("x")
        message.tenant = other_tenant
        with (
            pytest.raises(ProgrammingError, match="row-level security"),
            transaction.atomic(),
        ):
            message.save()


def test_without_a_scope_the_guard_is_loud(tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        enqueue("x")
    with pytest.raises(TenantContextMissingError):
        OutboxMessage.objects.count()


def test_without_the_guard_the_database_still_shows_nothing(tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        enqueue("x")
    connection.execute_wrappers.remove(guard_query)
    try:
        assert OutboxMessage.objects.count() == 0
    finally:
        connection.execute_wrappers.append(guard_query)


def test_the_proof_can_fail_where_there_is_no_policy(
    tenant: Tenant, other_tenant: Tenant
) -> None:
    with tenant_scope(tenant.pk):
        assert set(Tenant.objects.all()) == {tenant, other_tenant}


def test_an_inner_scope_gives_the_outer_one_back(
    tenant: Tenant, other_tenant: Tenant
) -> None:
    with tenant_scope(tenant.pk):
        with tenant_scope(other_tenant.pk):
            enqueue("inner")
        assert current_tenant_id() == tenant.pk
        assert OutboxMessage.objects.count() == 0
    assert current_tenant_id() is None


def test_a_failed_inner_scope_gives_the_outer_one_back(
    tenant: Tenant, other_tenant: Tenant
) -> None:
    with tenant_scope(tenant.pk):
        enqueue("outer")
        with pytest.raises(ZeroDivisionError), tenant_scope(other_tenant.pk):
            _ = 1 // 0
        assert OutboxMessage.objects.count() == 1


def enqueue(name: str) -> OutboxMessage:
    return outbox.enqueue(topic="tests.isolated", payload={"n": name})
