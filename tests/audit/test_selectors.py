"""The chain is verified against its end, while others keep writing."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.db import connection, connections

from apps.audit import rules, selectors, services
from apps.audit.errors import ChainBrokenError
from apps.audit.events import Actor
from apps.audit.models import AuditEntry
from apps.audit.rules import ChainLink
from apps.audit.selectors import verify_chain
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope

ACTOR = Actor.system("tests")


def append() -> AuditEntry:
    return services.append(
        actor=ACTOR, action="thing.changed", target_type="thing", target_id="1"
    )


@pytest.mark.django_db(transaction=True)
def test_an_entry_appended_during_the_walk_is_no_break(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenant_scope(tenant.pk):
        append()

    def append_elsewhere() -> None:
        try:
            with tenant_scope(tenant.pk):
                append()
        finally:
            connections.close_all()

    def first_break(links: Iterator[ChainLink], *, length: int, end: str) -> str:
        thread = threading.Thread(target=append_elsewhere)
        thread.start()
        thread.join(20)
        return rules.first_break(links, length=length, end=end)

    monkeypatch.setattr(selectors, "first_break", first_break)
    with tenant_scope(tenant.pk):
        assert verify_chain() == 1
        assert AuditEntry.objects.count() == 2


@pytest.mark.usefixtures("in_tenant")
def test_an_entry_slipped_in_past_the_end_shows() -> None:
    last = append()
    AuditEntry.objects.create(
        tenant_id=last.tenant_id,
        sequence=last.sequence + 1,
        at=last.at,
        actor_kind="user",
        actor_id="mallory",
        actor_name="Mallory",
        action="thing.changed",
        target_type="thing",
        target_id="1",
        previous_hash=last.hash,
        hash="0" * 64,
    )
    with pytest.raises(ChainBrokenError, match="past its end"):
        verify_chain()


@pytest.mark.usefixtures("in_tenant")
def test_a_missing_end_shows() -> None:
    append()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_audithead")
    with pytest.raises(ChainBrokenError, match="past its end"):
        verify_chain()


@pytest.mark.usefixtures("in_tenant")
def test_an_end_with_another_hash_shows() -> None:
    append()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_audithead SET hash = %s", ["f" * 64])
    with pytest.raises(ChainBrokenError, match="its end is missing"):
        verify_chain()
