"""A set of changes from its first item to what a node answers."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from apps.accounts.services import actor_for
from apps.approvals import selectors, services
from apps.approvals.choices import ChangeSetState, ItemKind, RequestKind
from apps.approvals.models import ApprovalRequest, ChangeSet
from apps.audit.events import Actor
from apps.bundles.models import Release
from apps.bundles.selectors import snapshot_of
from apps.outbox.services import drain
from apps.roles import services as roles
from apps.roles.rules import AssignmentSpec
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from engine.decide import PolicyEngine
from engine.question import Request
from tests.factories.access import ALICE, SHOP, build_access
from tests.factories.approvals import People
from tests.factories.bundles import newest
from tests.factories.changes import NIGHT, OPERATOR, POLICY, make_set, put

pytestmark = pytest.mark.django_db(transaction=True)
COMMAND = Actor.command("tests")
BERLIN = ZoneInfo("Europe/Berlin")
NIGHT_TIME = dt.datetime(2026, 12, 2, 23, 0, tzinfo=BERLIN)
DAY_TIME = dt.datetime(2026, 12, 2, 12, 0, tzinfo=BERLIN)


def answers(release: Release, at: dt.datetime) -> bool:
    """Decide as a node that holds the release, from its very bytes."""
    snapshot = snapshot_of(release)
    engine = PolicyEngine.from_records(snapshot.records, snapshot.manifest.zones)
    asked = Request(ALICE, "deploy", SHOP, at, {"ip": "10.1.2.3", "mfa": 2})
    return engine.decide(asked).allowed


def test_a_window_a_role_and_a_policy_become_one_release_that_nodes_enforce(
    tenant: Tenant, tmp_path: Path
) -> None:
    people = People(tenant, tmp_path)
    with tenant_scope(tenant.pk):
        build_access()
        roles.assign_role(actor=COMMAND, spec=AssignmentSpec(ALICE, "reader"))
        services.set_flow(actor=COMMAND, kind=RequestKind.CHANGE, quorum=2)
        for name in ("anna", "ben"):
            people(name)
    drain()
    before = newest(tenant)
    assert not answers(before, NIGHT_TIME)
    request = _propose(people, tenant)
    with tenant_scope(tenant.pk):
        people("anna").vote(request)
        people("ben").vote(request)
        assert ChangeSet.objects.get().state == ChangeSetState.CARRIED_OUT
    drain()
    after = newest(tenant)
    assert after.revision == before.revision + 1
    assert after.state_digest == request.document["change_set"]["after"]
    assert answers(after, NIGHT_TIME)
    assert not answers(after, DAY_TIME)


def _propose(people: People, tenant: Tenant) -> ApprovalRequest:
    """Propose that readers deploy at night, and let a worker compute the evidence."""
    with tenant_scope(tenant.pk):
        ada = people("ada", "security_admin").user
        row = make_set(ada)
        put(ada, row, ItemKind.WINDOW, NIGHT)
        reader = OPERATOR | {"slug": "reader", "name": "Reader"}
        put(ada, row, ItemKind.ROLE, reader)
        content = POLICY | {
            "principals": [{"type": "Role", "id": "reader"}],
            "locations": ["office"],
        }
        put(ada, row, ItemKind.POLICY, content)
        request = services.submit_change_set(actor=actor_for(ada), set_id=row.pk)
    drain()
    with tenant_scope(tenant.pk):
        proof = selectors.proof_of_request(request)
    assert proof is not None
    assert proof.is_fresh
    return request
