"""Acts upon the catalogue, roles, registries and assignments."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
import uuid

import pytest
from django.db import IntegrityError, connection, transaction

from apps.audit.models import AuditEntry
from apps.core.errors import InvalidError, PortwardError
from apps.outbox.models import OutboxMessage
from apps.roles import selectors, services
from apps.roles.errors import (
    AssignmentExistsError,
    AssignmentNotFoundError,
    KeyTakenError,
    SlugTakenError,
)
from apps.roles.models import (
    Assignment,
    Resource,
    ResourceGroupMembership,
    Role,
    RoleParent,
)
from apps.roles.rules import AssignmentSpec, EntrySpec, RoleSpec
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.records import EntityRef, Permission, parse_record
from tests.factories.access import ALICE, SHOP, SYSTEM, build_access


@pytest.fixture
def access(in_tenant: Tenant) -> Tenant:
    build_access()
    return in_tenant


def spec_of(slug: str, *parents: str) -> RoleSpec:
    return RoleSpec(slug, slug.title(), "admin", parents=parents)


def save(spec: RoleSpec) -> Role:
    existing = Role.objects.filter(slug=spec.slug).first()
    return services.save_role(
        actor=SYSTEM, spec=spec, role_id=existing.pk if existing else None
    )


@pytest.mark.usefixtures("access")
def test_every_live_record_is_one_that_the_protocol_accepts() -> None:
    found = selectors.live_records()
    assert [parse_record(record.to_dict()) for record in found] == found
    assert {record.type.value for record in found} == {
        *("role", "assignment", "principal", "resource")
    }


@pytest.mark.usefixtures("access")
def test_defining_and_saving_the_same_again_writes_nothing() -> None:
    before = AuditEntry.objects.count()
    services.define_resource_type(actor=SYSTEM, name="Node")
    services.define_permission(
        actor=SYSTEM, action="read", resource_type="Namespace", tier="read_only"
    )
    role = Role.objects.get(slug="reader")
    services.save_role(
        actor=SYSTEM,
        spec=RoleSpec(
            "reader", "Reader", "read_only", "", (Permission("read", "Namespace"),)
        ),
        role_id=role.pk,
    )
    assert AuditEntry.objects.count() == before


@pytest.mark.usefixtures("access")
def test_all_changes_of_one_moment_ask_for_one_release() -> None:
    assert OutboxMessage.objects.filter(topic="roles.changed").count() == 1


@pytest.mark.usefixtures("in_tenant")
def test_a_cycle_is_refused_by_the_service_and_changes_nothing() -> None:
    save(spec_of("a"))
    save(spec_of("b", "a"))
    entries = AuditEntry.objects.count()
    with pytest.raises(InvalidError) as refusal:
        save(spec_of("a", "b"))
    assert refusal.value.code == "roles.cycle"
    assert RoleParent.objects.count() == 1
    assert AuditEntry.objects.count() == entries


def test_a_cycle_is_refused_by_the_database(in_tenant: Tenant) -> None:
    a, b, c = (save(spec_of(slug)) for slug in "abc")
    RoleParent.objects.create(tenant=in_tenant, child=b, parent=a)
    RoleParent.objects.create(tenant=in_tenant, child=c, parent=b)
    with pytest.raises(IntegrityError, match="circle"), transaction.atomic():
        RoleParent.objects.create(tenant=in_tenant, child=a, parent=c)


def test_depth_is_limited_by_the_database(in_tenant: Tenant) -> None:
    chain = [save(spec_of(f"r{n}")) for n in range(12)]
    for child, parent in itertools.pairwise(chain[:11]):
        RoleParent.objects.create(tenant=in_tenant, child=child, parent=parent)
    with pytest.raises(IntegrityError, match="deeper"), transaction.atomic():
        RoleParent.objects.create(tenant=in_tenant, child=chain[10], parent=chain[11])


@pytest.mark.django_db(transaction=True)
def test_two_transactions_cannot_close_a_circle_together(tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        a, b = save(spec_of("a")), save(spec_of("b"))
    first_wrote, refused = threading.Event(), []

    def close_the_circle() -> None:
        first_wrote.wait(10)
        try:
            with tenant_scope(tenant.pk):
                RoleParent.objects.create(tenant=tenant, child=b, parent=a)
        except IntegrityError as error:
            refused.append(error)
        finally:
            connection.close()

    other = threading.Thread(target=close_the_circle)
    other.start()
    with tenant_scope(tenant.pk):
        RoleParent.objects.create(tenant=tenant, child=a, parent=b)
        first_wrote.set()
        other.join(0.3)
        assert other.is_alive(), "the second transaction waits for the first"
    other.join(10)
    assert len(refused) == 1


@pytest.mark.usefixtures("access")
def test_a_key_and_a_short_name_are_unique() -> None:
    with pytest.raises(KeyTakenError):
        services.save_principal(actor=SYSTEM, spec=EntrySpec(ALICE))
    with pytest.raises(KeyTakenError):
        services.save_resource(actor=SYSTEM, spec=EntrySpec(SHOP))
    with pytest.raises(SlugTakenError):
        services.save_role(actor=SYSTEM, spec=spec_of("reader"))


@pytest.mark.usefixtures("access")
@pytest.mark.parametrize(
    ("ref", "groups", "code"),
    [
        (EntityRef("Planet", "mars"), (), "roles.unknown_resource_type"),
        (EntityRef("Node", "web-2"), ("ghosts",), "roles.unknown_group"),
        (EntityRef("ResourceGroup", "inner"), ("web",), "roles.unknown_group"),
    ],
)
def test_a_resource_is_refused_for_one_thing(
    ref: EntityRef, groups: tuple[str, ...], code: str
) -> None:
    with pytest.raises(InvalidError) as refusal:
        services.save_resource(actor=SYSTEM, spec=EntrySpec(ref, groups=groups))
    assert refusal.value.code == code


def test_the_database_itself_keeps_groups_flat(access: Tenant) -> None:
    web = Resource.objects.get(key="web")
    shop = Resource.objects.get(key="shop")
    with pytest.raises(IntegrityError, match="not groups"), transaction.atomic():
        ResourceGroupMembership.objects.create(tenant=access, resource=web, group=shop)


@pytest.mark.usefixtures("access")
@pytest.mark.parametrize(
    ("spec", "code"),
    [
        (AssignmentSpec(ALICE, "ghost"), "roles.unknown_role"),
        (
            AssignmentSpec(EntityRef("User", "nobody"), "reader"),
            "roles.unknown_principal",
        ),
        (
            AssignmentSpec(ALICE, "reader", scope=EntityRef("Node", "moon")),
            "roles.unknown_resource",
        ),
    ],
)
def test_an_assignment_is_refused_for_one_thing(
    spec: AssignmentSpec, code: str
) -> None:
    with pytest.raises(InvalidError) as refusal:
        services.assign_role(actor=SYSTEM, spec=spec)
    assert refusal.value.code == code


@pytest.mark.usefixtures("access")
def test_a_role_is_held_once_in_one_place() -> None:
    services.assign_role(actor=SYSTEM, spec=AssignmentSpec(ALICE, "reader", SHOP))
    with pytest.raises(AssignmentExistsError):
        services.assign_role(actor=SYSTEM, spec=AssignmentSpec(ALICE, "developer"))


@pytest.mark.usefixtures("access")
def test_a_revoked_assignment_leaves_the_release_and_stays_as_history() -> None:
    row = Assignment.objects.get()
    services.revoke_assignment(actor=SYSTEM, assignment_id=row.pk)
    kinds = {record.type.value for record in selectors.live_records()}
    assert "assignment" not in kinds
    assert Assignment.objects.filter(pk=row.pk, revoked_at__isnull=False).exists()
    with pytest.raises(AssignmentNotFoundError):
        services.revoke_assignment(actor=SYSTEM, assignment_id=row.pk)
    services.assign_role(actor=SYSTEM, spec=AssignmentSpec(ALICE, "developer"))


@pytest.mark.usefixtures("access")
def test_an_ended_assignment_leaves_the_release() -> None:
    long_ago = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    services.assign_role(
        actor=SYSTEM, spec=AssignmentSpec(ALICE, "reader", end=long_ago)
    )
    ended = Assignment.objects.get(end=long_ago)
    assert str(ended.pk) not in {record.id for record in selectors.live_records()}


@pytest.mark.usefixtures("access")
@pytest.mark.parametrize(
    "find",
    [
        selectors.role_by_id,
        selectors.principal_by_id,
        selectors.resource_by_id,
        selectors.assignment_by_id,
    ],
)
def test_what_belongs_to_another_tenant_is_not_there(
    find: object, other_tenant: Tenant
) -> None:
    assert callable(find)
    assert selectors.live_records()
    with tenant_scope(other_tenant.pk):
        assert selectors.live_records() == []
        with pytest.raises(PortwardError):
            find(uuid.uuid4())
