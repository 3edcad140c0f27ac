"""Decisions are recorded once, and what assignments were used for is remembered."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.utils import timezone

from apps.distribution import selectors, services
from apps.distribution.models import DecisionRecord, GrantUse, NodeReport
from apps.distribution.tasks import forget_decisions
from apps.nodes.models import Node
from apps.nodes.services import revoke_node
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.decisions import Chunk, DecisionEntry
from tests.factories.bundles import SYSTEM
from tests.factories.nodes import decision_entry, enroll, report

pytestmark = pytest.mark.django_db
GRANT = uuid.UUID(int=7)


def entry(
    *,
    allowed: bool = True,
    count: int = 1,
    at: dt.datetime | None = None,
    grants: tuple[str, ...] = (str(GRANT),),
) -> DecisionEntry:
    return decision_entry(allowed=allowed, count=count, at=at, grants=grants)


@pytest.fixture
def node(tenant: Tenant) -> Node:
    return enroll(tenant, "web-1")


def record(node: Node, *entries: DecisionEntry) -> int:
    chunk = Chunk("boot", 1, 0, entries)
    return services.record_decisions(
        tenant_id=node.tenant_id, node_id=node.pk, chunk=chunk
    )


def test_a_chunk_that_comes_twice_is_recorded_once(node: Node) -> None:
    one = entry(count=3)
    assert (record(node, one), record(node, one)) == (1, 0)
    with tenant_scope(node.tenant_id):
        assert DecisionRecord.objects.get().count == 3
        assert GrantUse.objects.get().count == 3


def test_the_last_use_of_an_assignment_is_its_newest_permit(node: Node) -> None:
    late = timezone.now()
    early = late - dt.timedelta(days=2)
    record(node, entry(at=late))
    record(node, entry(at=early), entry(allowed=False))
    with tenant_scope(node.tenant_id):
        assert selectors.last_use([GRANT]) == {GRANT: late}
        assert GrantUse.objects.get().count == 2


def test_an_assignment_that_only_led_to_denials_was_not_used(node: Node) -> None:
    record(node, entry(allowed=False))
    with tenant_scope(node.tenant_id):
        assert selectors.last_use([GRANT]) == {}
        assert selectors.decisions_under(GRANT).count() == 1


def test_decisions_on_other_assignments_are_not_found_under_one(node: Node) -> None:
    record(node, entry(grants=(str(uuid.UUID(int=8)),)), entry(grants=()))
    with tenant_scope(node.tenant_id):
        assert not selectors.decisions_under(GRANT).exists()


def test_a_name_that_is_no_assignment_is_left_out(node: Node) -> None:
    record(node, entry(grants=("not-an-id", str(GRANT))))
    with tenant_scope(node.tenant_id):
        assert DecisionRecord.objects.get().grants == [GRANT]


def test_a_clock_that_runs_ahead_is_not_believed(node: Node) -> None:
    record(node, entry(at=timezone.now() + dt.timedelta(days=400)))
    with tenant_scope(node.tenant_id):
        ahead = DecisionRecord.objects.get().last_at - timezone.now()
    assert ahead <= dt.timedelta(minutes=5)


def test_a_revoked_node_records_nothing(node: Node) -> None:
    with tenant_scope(node.tenant_id):
        revoke_node(actor=SYSTEM, node_id=node.pk)
    assert record(node, entry()) == 0


def test_what_a_node_lost_is_counted(node: Node) -> None:
    report(node, revision=1)
    for _ in range(2):
        services.record_decisions(
            tenant_id=node.tenant_id, node_id=node.pk, chunk=Chunk("boot", 1, 21, ())
        )
    with tenant_scope(node.tenant_id):
        assert NodeReport.objects.get().decisions_dropped == 42


def test_another_tenant_sees_nothing_of_it(node: Node, other_tenant: Tenant) -> None:
    record(node, entry())
    with tenant_scope(other_tenant.pk):
        assert not selectors.decisions().exists()
        assert selectors.last_use([GRANT]) == {}


def test_old_decisions_are_forgotten_and_the_last_use_is_not(node: Node) -> None:
    old = timezone.now() - dt.timedelta(days=31)
    record(node, entry(at=old), entry(at=timezone.now() - dt.timedelta(days=29)))
    assert forget_decisions() == 1
    with tenant_scope(node.tenant_id):
        assert DecisionRecord.objects.count() == 1
        assert GRANT in selectors.last_use([GRANT])
