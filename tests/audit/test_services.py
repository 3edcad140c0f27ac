"""The trail is append-only, chained, and tells what was tampered with."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction

from apps.audit import services
from apps.audit.errors import ChainBrokenError
from apps.audit.events import Actor
from apps.audit.models import AuditEntry
from apps.audit.rules import GENESIS, ChainLink, entry_hash, first_break
from apps.audit.selectors import verify_chain
from apps.tenants.errors import TenantContextMissingError
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope

ACTOR = Actor("user", "u1", "Alice", "key-1")


def append(number: int = 1) -> AuditEntry:
    return services.append(
        actor=ACTOR,
        action="thing.changed",
        target_type="thing",
        target_id=str(number),
        before={"n": number - 1},
        after={"n": number},
    )


@pytest.mark.usefixtures("in_tenant")
def test_entries_are_numbered_and_chained() -> None:
    first, second = append(1), append(2)
    assert (first.sequence, first.previous_hash) == (1, GENESIS)
    assert (second.sequence, second.previous_hash) == (2, first.hash)
    assert verify_chain() == 2


@pytest.mark.usefixtures("in_tenant")
def test_an_empty_trail_holds() -> None:
    assert verify_chain() == 0


@pytest.mark.usefixtures("in_tenant")
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_auditentry SET action = 'a.b'",
        "DELETE FROM audit_auditentry",
    ],
)
def test_the_run_time_role_cannot_rewrite_history(sql: str) -> None:
    append()
    with pytest.raises(DatabaseError), transaction.atomic():
        connection.cursor().execute(sql)


@pytest.mark.usefixtures("in_tenant")
def test_an_entry_needs_an_actor() -> None:
    with pytest.raises(TypeError):
        services.append(
            actor=None,  # type: ignore[arg-type]
            action="thing.changed",
            target_type="thing",
            target_id="1",
        )


@pytest.mark.usefixtures("in_tenant")
def test_an_action_has_a_subject_and_a_verb() -> None:
    with pytest.raises(ValueError, match=r"subject\.verb"):
        services.append(
            actor=ACTOR, action="changed", target_type="thing", target_id="1"
        )


@pytest.mark.django_db
def test_there_is_no_trail_without_a_tenant() -> None:
    with pytest.raises(TenantContextMissingError):
        append()


def test_tenants_have_chains_of_their_own(tenant: Tenant, other_tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        append()
    with tenant_scope(other_tenant.pk):
        assert append().sequence == 1
        assert AuditEntry.objects.count() == 1


def links(count: int = 3) -> list[ChainLink]:
    chain, previous = [], GENESIS
    for sequence in range(1, count + 1):
        content = {"n": sequence}
        found = entry_hash(previous, sequence, content)
        chain.append(ChainLink(sequence, previous, found, content))
        previous = found
    return chain


TAMPERINGS: list[tuple[Callable[[list[ChainLink]], list[ChainLink]], str]] = [
    (lambda c: [c[0], c[2]], "entry 2 is missing"),
    (lambda c: [c[1], c[2]], "entry 1 is missing"),
    (
        lambda c: [c[0], ChainLink(2, c[1].previous_hash, c[1].hash, {"n": 9}), c[2]],
        "entry 2 was changed",
    ),
    (
        lambda c: [c[0], ChainLink(2, GENESIS, c[1].hash, c[1].content), c[2]],
        "entry 2 does not follow its predecessor",
    ),
]


def test_a_whole_chain_holds() -> None:
    assert first_break(links()) == ""


@pytest.mark.parametrize(
    ("tamper", "reason"), TAMPERINGS, ids=[r for _, r in TAMPERINGS]
)
def test_tampering_is_found_and_named(
    tamper: Callable[[list[ChainLink]], list[ChainLink]], reason: str
) -> None:
    assert first_break(tamper(links())) == reason


@pytest.mark.usefixtures("in_tenant")
def test_cutting_off_the_newest_entries_shows() -> None:
    append(1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_audithead SET sequence = 2, hash = %s", ["f" * 64])
    with pytest.raises(ChainBrokenError, match="its end is missing"):
        verify_chain()


def test_the_command_fails_on_a_broken_chain(tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        append(1)
    call_command("verify_audit")
    with tenant_scope(tenant.pk), connection.cursor() as cursor:
        cursor.execute("UPDATE audit_audithead SET sequence = 0, hash = %s", [GENESIS])
    with pytest.raises(CommandError):
        call_command("verify_audit")


@pytest.mark.django_db(transaction=True)
def test_two_writers_at_once_leave_one_chain_without_gaps(tenant: Tenant) -> None:
    barrier = threading.Barrier(2)

    def write() -> None:
        try:
            barrier.wait()
            for number in range(10):
                with tenant_scope(tenant.pk):
                    append(number)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with tenant_scope(tenant.pk):
        assert verify_chain() == 20
