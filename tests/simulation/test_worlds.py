"""What is live is read again as soon as anything was recorded, and in each tenant."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import transaction
from django.utils import timezone

from apps.roles.rules import EntrySpec
from apps.roles.services import save_principal
from apps.simulation.rules import RecordChange
from apps.simulation.selectors import live_world
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.records import (
    EntityRef,
    Head,
    PolicyRecord,
    PrincipalRecord,
    RoleRecord,
    Statement,
)
from tests.factories.access import ALICE, SYSTEM, build_access

pytestmark = pytest.mark.django_db
NOW = timezone.now()
ZOE = EntityRef("User", "zoe")


def add_zoe() -> None:
    save_principal(actor=SYSTEM, spec=EntrySpec(ZOE))


@pytest.fixture
def filled(tenant: Tenant) -> Tenant:
    with tenant_scope(tenant.pk):
        build_access()
    return tenant


def test_all_who_ask_share_a_world_while_nothing_is_recorded(filled: Tenant) -> None:
    with tenant_scope(filled.pk):
        assert live_world(NOW) is live_world(NOW)


def test_what_was_just_recorded_is_seen(filled: Tenant) -> None:
    with tenant_scope(filled.pk):
        assert ZOE not in live_world(NOW).principals
        add_zoe()
        assert ZOE in live_world(NOW).principals


def test_what_was_taken_back_is_not_seen(filled: Tenant) -> None:
    with tenant_scope(filled.pk):
        with transaction.atomic():
            add_zoe()
            assert ZOE in live_world(NOW).principals
            transaction.set_rollback(True)
        assert ZOE not in live_world(NOW).principals


def test_no_tenant_sees_the_world_of_another(
    filled: Tenant, other_tenant: Tenant
) -> None:
    with tenant_scope(filled.pk):
        assert ALICE in live_world(NOW).principals
    with tenant_scope(other_tenant.pk):
        assert not live_world(NOW).principals


def test_zones_are_known_from_the_hour_of_the_question_on(filled: Tenant) -> None:
    earlier = NOW - dt.timedelta(days=400)
    with tenant_scope(filled.pk):
        for moment in (NOW, earlier, NOW):
            zones = live_world(moment).zones
            assert zones
            starts = {transitions[0][0] for transitions in zones.values()}
            assert all(start <= moment.timestamp() for start in starts)


def test_a_change_of_policies_leaves_people_as_they_are(filled: Tenant) -> None:
    statement = Statement(
        "new#0",
        'permit (principal, action == Action::"restart", resource);',
        Head(),
        Head("==", "Action", "restart"),
        Head(),
    )
    policy = PolicyRecord(
        "new",
        name="New",
        version=1,
        effect="permit",
        tier="operator",
        statements=(statement,),
        change="",
    )
    with tenant_scope(filled.pk):
        live = live_world(NOW)
        after = live.after([RecordChange.put(policy)], NOW)
        assert after.engine.entities is live.engine.entities
        assert after.engine.policy_count == live.engine.policy_count + 1
        again = after.after([RecordChange.remove(policy.key)], NOW)
        assert again.engine.policy_count == live.engine.policy_count


@pytest.mark.parametrize(
    "record",
    [
        PrincipalRecord("User::zoe", entity=ZOE, attributes={}),
        RoleRecord("crew", name="Crew", tier="operator", permissions=(), parents=()),
    ],
)
def test_a_change_of_people_or_roles_builds_them_anew(
    filled: Tenant, record: PrincipalRecord | RoleRecord
) -> None:
    with tenant_scope(filled.pk):
        live = live_world(NOW)
        after = live.after([RecordChange.put(record)], NOW)
        assert after.engine.entities is not live.engine.entities
