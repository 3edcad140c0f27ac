"""What a file leaves out is removed when that is asked for: all of it or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from django.utils import timezone

from apps.approvals.models import ApprovalRequest
from apps.policies.choices import PolicyState
from apps.policies.models import Policy
from apps.roles.models import Assignment, Role
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from portal.tenant_file import TenantFileError
from portal.tenant_file.planning import Plan, apply_file, measure_file, plan_file
from portal.tenant_file.writing import Side
from tests.factories.approvals import People
from tests.portal.test_tenant_plan import ACTOR, approve_all, loaded, written

pytestmark = pytest.mark.django_db
LESS = """
tenant: {{slug: {slug}, name: Shop}}
node_groups: [{{slug: edge, name: Edge}}]
calendars: [{{slug: holidays, name: Holidays, days: [2026-12-25 Christmas]}}]
windows:
  - {{slug: day, name: Day, zone: UTC, weekdays: [mon], start: '08:00', end: '18:00'}}
resource_types: [{{name: Node, description: A machine, actions: [
  {{name: restart, tier: operator}}]}}]
roles: [{{slug: crew, name: Crew, tier: operator, permissions: {{Node: [restart]}}}}]
resources: [{{type: Node, key: web-1, name: Web}}]
principals: [{{type: User, key: olga, name: Olga}}]
policies:
  - {{slug: deploy, name: Deploy, effect: permit, tier: operator, owner: Shop,
     principals: [{{type: Role, id: crew}}], actions: [restart], conditions: []}}
"""
MORE = """
tenant: {slug: more, name: Shop}
node_groups: [{slug: edge, name: Edge}, {slug: attic, name: Attic}]
calendars:
  - {slug: holidays, name: Holidays, days: [2026-12-25 Christmas]}
  - {slug: fairs, name: Fairs, days: [2026-05-01 Fair]}
windows:
  - {slug: day, name: Day, zone: UTC, weekdays: [mon], start: '08:00', end: '18:00'}
  - {slug: fair, name: Fair, zone: UTC, weekdays: [tue], start: '08:00', end: '18:00',
     open_calendars: [fairs]}
locations: [{slug: office, name: Office, cidrs: [10.0.0.0/8], node_groups: [attic]}]
resource_types:
  - {name: Node, description: A machine, actions: [
      {name: restart, tier: operator}, {name: wipe, tier: admin}]}
  - {name: Shelf, description: A shelf, actions: [{name: dust, tier: operator}]}
attributes:
  - {entity_type: Node, name: rack, type: string}
roles:
  - {slug: crew, name: Crew, tier: operator, permissions: {Node: [restart]}}
  - {slug: boss, name: Boss, tier: admin, permissions: {Node: [wipe]}, parents: [crew]}
  - {slug: cleaner, name: Cleaner, tier: operator, permissions: {Shelf: [dust]}}
resource_groups: [{key: all, name: All, owners: ['User::zoe']}]
resources:
  - {type: Node, key: web-1, name: Web, groups: [all], owners: ['User::zoe']}
  - {type: Node, key: web-2, name: Web two, groups: [all], attributes: {rack: r1}}
principals:
  - {type: User, key: olga, name: Olga, manager: 'User::zoe', roles: [crew]}
  - {type: User, key: zoe, name: Zoe, roles: [boss]}
groups: [{slug: team, name: Team, members: ['User::olga', 'User::zoe']}]
separations:
  - {slug: apart, name: Apart, kind: static, roles: [boss, cleaner], owner: 'User::zoe'}
eligibilities:
  - {purpose: Wipe disks, role: boss, for: 'User::olga', max_minutes: 10}
flows:
  - v: 2
    name: Strict
    kind: change
    order: 1
    is_active: true
    match: {tiers: [], min_risk: 0, min_blast_radius: 0, roles: []}
    stages:
      - {name: Review, quorum: 1, deny_threshold: 1, deadline_minutes: null,
         approvers: [{type: tenant_role, id: approver}], conditions: [], hours: '',
         escalation: null}
policies:
  - {slug: deploy, name: Deploy, effect: permit, tier: operator, owner: Shop,
     principals: [{type: Role, id: crew}], actions: [restart], conditions: []}
  - {slug: wipes, name: Wipes, effect: permit, tier: admin, owner: Shop,
     principals: [{type: Role, id: boss}], actions: [wipe], windows: [fair],
     locations: [office], conditions: []}
"""
FORBID = {
    "slug": "never",
    "name": "Never",
    "effect": "forbid",
    "tier": "operator",
    "owner": "Shop",
    "principals": [],
    "actions": ["restart"],
    "resources": [{"type": "Node", "id": "web-1"}],
    "conditions": [],
    "tests": [
        {
            "name": "Nobody restarts",
            "given": {
                "principal": {"type": "User", "id": "olga"},
                "resource": {"type": "Node", "id": "web-1"},
            },
            "action": "restart",
            "at": "2026-11-24T12:00:00Z",
            "expect": "deny",
        }
    ],
}


def with_forbid(text: str, **more: object) -> str:
    content = yaml.safe_load(text)
    content["policies"].append(FORBID | more)
    return str(yaml.safe_dump(content))


@pytest.fixture
def less(tmp_path: Path) -> str:
    """Return what a small tenant is exported as."""
    tenant = loaded(tmp_path, LESS.format(slug="less"))
    with tenant_scope(tenant.pk):
        approve_all()
    return written(tenant)


def bigger(folder: Path, people: str, text: str = MORE) -> Tenant:
    """Return a tenant that has more of everything, and people who decide."""
    tenant = loaded(folder, text)
    with tenant_scope(tenant.pk):
        People(tenant, folder)(people)
        approve_all()
    return tenant


def planned(tenant: Tenant, text: str) -> Plan:
    with tenant_scope(tenant.pk):
        return plan_file(actor=ACTOR, text=text, prune=True)


def applied(tenant: Tenant, text: str) -> None:
    plan = planned(tenant, text)
    with tenant_scope(tenant.pk):
        apply_file(actor=ACTOR, text=text, planned=plan.before, prune=True)


def test_a_tenant_that_had_more_is_the_same_after_pruning(
    less: str, tmp_path: Path
) -> None:
    tenant = bigger(tmp_path, "anna")
    assert written(tenant) != less
    applied(tenant, less)
    assert written(tenant) == less
    assert written(tenant, Side.DRAFT) == less
    with tenant_scope(tenant.pk):
        assert Policy.objects.get(slug="wipes").state == PolicyState.RETIRED
        assert not Assignment.objects.filter(revoked_at__isnull=True).exists()
    assert planned(tenant, less).changes == ()


def test_a_plan_names_what_would_go_and_for_whom_and_removes_nothing(
    less: str, tmp_path: Path
) -> None:
    tenant = bigger(tmp_path, "anna")
    before = written(tenant)
    plan = planned(tenant, less)
    gone = {(one.section, one.name) for one in plan.changes if one.kind == "remove"}
    assert {("roles", "boss"), ("policies", "wipes"), ("windows", "fair")} <= gone
    assert ("roles", "crew") not in gone
    assert plan.unmanaged == ()
    with tenant_scope(tenant.pk):
        now = timezone.now()
        found = measure_file(actor=ACTOR, text=less, now=now, prune=True)
    assert found["risk"]
    assert written(tenant) == before


def test_without_pruning_everything_stays(less: str, tmp_path: Path) -> None:
    tenant = bigger(tmp_path, "anna")
    with tenant_scope(tenant.pk):
        plan = plan_file(actor=ACTOR, text=less)
    assert ("roles", "boss") in plan.unmanaged
    assert not [one for one in plan.changes if one.kind == "remove"]


def test_a_forbid_is_retired_once_others_approved_it(less: str, tmp_path: Path) -> None:
    tenant = bigger(tmp_path, "anna", with_forbid(MORE))
    plan = planned(tenant, less)
    assert plan.asked == ("Retire what the file leaves out",)
    applied(tenant, less)
    with tenant_scope(tenant.pk):
        assert Policy.objects.get(slug="never").state == PolicyState.LIVE
        (request,) = ApprovalRequest.objects.all()
        assert request.is_open


def test_what_something_still_refers_to_refuses_all_of_it(
    less: str, tmp_path: Path
) -> None:
    tenant = bigger(tmp_path, "anna", with_forbid(MORE, windows=["fair"]))
    before = written(tenant)
    with pytest.raises(TenantFileError) as refused:
        planned(tenant, less)
    assert refused.value.reasons[0]["field"] == "windows: fair.slug"
    assert "Never" in refused.value.reasons[0]["message"]
    assert written(tenant) == before


def test_a_role_that_a_policy_of_the_file_names_stays(
    less: str, tmp_path: Path
) -> None:
    tenant = bigger(tmp_path, "anna")
    start = less.index("roles:")
    broken = less[:start] + less[less.index("resources:", start) :]
    with pytest.raises(TenantFileError):
        planned(tenant, broken)
    with tenant_scope(tenant.pk):
        assert Role.objects.filter(slug="crew").exists()


def test_a_draft_that_nobody_approved_is_discarded(less: str, tmp_path: Path) -> None:
    tenant = bigger(tmp_path, "anna", LESS.format(slug="again"))
    text = with_forbid(written(tenant))
    with tenant_scope(tenant.pk):
        plan = plan_file(actor=ACTOR, text=text)
        apply_file(actor=ACTOR, text=text, planned=plan.before)
        assert Policy.objects.filter(slug="never").exists()
    applied(tenant, less)
    with tenant_scope(tenant.pk):
        assert not Policy.objects.filter(slug="never").exists()
