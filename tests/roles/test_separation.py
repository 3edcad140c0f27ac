"""Roles that are kept apart: what a set is, and what it refuses."""

from __future__ import annotations

import datetime as dt
import threading
from dataclasses import replace

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.audit.events import Actor
from apps.audit.models import AuditEntry
from apps.core.errors import ConflictError, InvalidError
from apps.outbox.choices import Lane
from apps.outbox.models import OutboxMessage
from apps.roles import rules, selectors, services
from apps.roles.errors import SeparationError, SeparationNotFoundError
from apps.roles.models import (
    Assignment,
    Principal,
    SeparationException,
    SeparationSet,
)
from apps.roles.rules import (
    AssignmentSpec,
    EntrySpec,
    RoleNode,
    RoleSpec,
    SeparationSpec,
    Waiver,
)
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.records import EntityRef, SeparationRecord, parse_record
from tests.factories.access import ALICE, CHECKOUT, SHOP, SYSTEM, build_access

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
MOMENT = dt.timedelta(microseconds=1)
BUYERS = SeparationSpec("pay", "Who orders does not pay", "static", ("buyer", "payer"))
GRAPH = {
    slug: RoleNode(slug, "operator", frozenset(), parents)
    for slug, parents in {
        "buyer": (),
        "payer": (),
        "chief": ("buyer",),
        "viewer": (),
    }.items()
}
WEB = EntityRef("Node", "web-1")
SOON = dt.timedelta(hours=1)


def refusal(
    held: list[str], wanted: str, *, spec: SeparationSpec = BUYERS, until: int = 0
) -> rules.Refusal | None:
    waivers = [Waiver("pay", NOW + until * MOMENT)] if until else []
    return rules.check_separation(held, wanted, [spec], waivers, NOW, GRAPH)


def test_the_second_role_of_a_set_is_refused_and_the_set_named() -> None:
    found = refusal(["buyer"], "payer")
    assert found is not None
    assert found.roles == ("buyer", "payer")
    assert "“Who orders does not pay”" in found.reason


@pytest.mark.parametrize(("held", "wanted"), [("chief", "payer"), ("payer", "chief")])
def test_what_is_inherited_counts(held: str, wanted: str) -> None:
    assert refusal([held], wanted)


def test_a_role_outside_the_set_is_not_refused() -> None:
    assert refusal(["buyer"], "viewer") is None
    assert refusal(["buyer", "payer"], "viewer") is None


def test_the_same_role_again_is_not_a_second_one() -> None:
    assert refusal(["buyer"], "buyer") is None


def test_a_set_that_is_not_in_force_refuses_nothing() -> None:
    assert refusal(["buyer"], "payer", spec=replace(BUYERS, is_active=False)) is None


def test_an_exception_holds_until_its_end_and_not_at_it() -> None:
    assert refusal(["buyer"], "payer", until=1) is None
    waivers = [Waiver("pay", NOW)]
    assert rules.check_separation(["buyer"], "payer", [BUYERS], waivers, NOW, GRAPH)
    other = [Waiver("other", NOW + SOON)]
    assert rules.check_separation(["buyer"], "payer", [BUYERS], other, NOW, GRAPH)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"slug": "No"}, "slug"),
        ({"name": " "}, "name"),
        ({"kind": "soft"}, "kind"),
        ({"roles": ("buyer",)}, "roles"),
        ({"roles": ("buyer", "ghost")}, "roles"),
        ({"roles": ("buyer", "chief")}, "roles"),
        ({"limit": 0}, "limit"),
        ({"limit": 2}, "limit"),
    ],
)
def test_a_set_is_refused_for_one_thing(change: dict[str, object], field: str) -> None:
    assert rules.check_set(BUYERS, GRAPH) == BUYERS
    with pytest.raises(InvalidError) as caught:
        rules.check_set(replace(BUYERS, **change), GRAPH)  # type: ignore[arg-type]
    assert caught.value.field == field


@pytest.fixture
def access(in_tenant: Tenant) -> Tenant:
    build_access()
    for slug in ("buyer", "payer"):
        services.save_role(actor=SYSTEM, spec=RoleSpec(slug, slug, "operator"))
    services.save_principal(actor=SYSTEM, spec=EntrySpec(EntityRef("User", "olga")))
    return in_tenant


OLGA = EntityRef("User", "olga")


def keep_apart(kind: str = "static", **change: object) -> SeparationSet:
    spec = replace(BUYERS, kind=kind, **change)  # type: ignore[arg-type]
    return services.save_separation(actor=SYSTEM, spec=spec, owner=OLGA)


def give(role: str, **rest: object) -> Assignment:
    spec = AssignmentSpec(ALICE, role, **rest)  # type: ignore[arg-type]
    return services.assign_role(actor=SYSTEM, spec=spec)


def excuse(row: SeparationSet, **change: object) -> SeparationException:
    values = {
        "principal": ALICE,
        "owner": OLGA,
        "reason": "handover",
        "until": timezone.now() + SOON,
    } | change
    return services.grant_exception(actor=SYSTEM, separation_id=row.pk, **values)  # type: ignore[arg-type]


@pytest.mark.usefixtures("access")
def test_a_static_set_refuses_the_second_assignment_as_a_conflict() -> None:
    keep_apart()
    give("buyer", scope=SHOP)
    with pytest.raises(SeparationError) as caught:
        give("payer", scope=WEB)
    assert isinstance(caught.value, ConflictError)
    assert "“buyer” and “payer”" in caught.value.message
    assert caught.value.field == "role"


@pytest.mark.usefixtures("access")
def test_what_is_revoked_or_over_does_not_count() -> None:
    keep_apart()
    row = give("buyer")
    services.revoke_assignment(actor=SYSTEM, assignment_id=row.pk)
    give("buyer", end=timezone.now() - SOON)
    give("payer")


@pytest.mark.usefixtures("access")
def test_what_is_held_later_counts() -> None:
    keep_apart()
    give("buyer", start=timezone.now() + SOON)
    with pytest.raises(SeparationError):
        give("payer")


@pytest.mark.usefixtures("access")
def test_a_request_can_ask_beforehand() -> None:
    keep_apart()
    give("buyer")
    alice = Principal.objects.get(key="alice")
    services.require_separation(alice, "reader", timezone.now())
    with pytest.raises(SeparationError):
        services.require_separation(alice, "payer", timezone.now())


@pytest.mark.usefixtures("access")
def test_an_excused_principal_gets_the_role_and_nobody_else_does() -> None:
    excuse(keep_apart())
    give("buyer")
    give("payer")
    for role in ("buyer", "payer"):
        spec = AssignmentSpec(CHECKOUT, role)
        if role == "buyer":
            services.assign_role(actor=SYSTEM, spec=spec)
            continue
        with pytest.raises(SeparationError):
            services.assign_role(actor=SYSTEM, spec=spec)


@pytest.mark.usefixtures("access")
def test_a_dynamic_set_lets_both_be_held_and_no_elevation_use_both() -> None:
    keep_apart("dynamic")
    give("buyer", scope=SHOP)
    give("payer", scope=SHOP)
    services.revoke_assignment(
        actor=SYSTEM, assignment_id=Assignment.objects.get(role__slug="payer").pk
    )
    later = {"source": "elevation", "end": timezone.now() + SOON}
    with pytest.raises(SeparationError):
        give("payer", scope=SHOP, **later)
    with pytest.raises(SeparationError):
        give("payer", **later)
    give("payer", scope=WEB, **later)


@pytest.mark.usefixtures("access")
def test_a_place_and_its_group_are_one_place() -> None:
    keep_apart("dynamic")
    give("buyer", scope=WEB)
    later = {"source": "elevation", "end": timezone.now() + SOON}
    with pytest.raises(SeparationError):
        give("payer", scope=EntityRef("ResourceGroup", "web"), **later)


@pytest.mark.usefixtures("access")
def test_elevations_that_follow_each_other_are_not_used_together() -> None:
    keep_apart("dynamic")
    now = timezone.now()
    give("buyer", source="elevation", end=now + SOON)
    give("payer", source="elevation", start=now + SOON, end=now + 2 * SOON)
    with pytest.raises(SeparationError):
        give("payer", source="elevation", start=now + SOON - MOMENT, end=now + 2 * SOON)


@pytest.mark.usefixtures("access")
def test_who_holds_too_much_already_is_listed_with_what_excuses_them() -> None:
    give("buyer")
    give("payer")
    row = keep_apart()
    [found] = selectors.violations(timezone.now())
    assert (found.separation, found.principal.key) == (row, "alice")
    assert (found.roles, found.exception) == (("buyer", "payer"), None)
    waiver = excuse(row)
    [found] = selectors.violations(timezone.now())
    assert found.exception == waiver
    [after] = selectors.violations(waiver.until)
    assert after.exception is None


@pytest.mark.usefixtures("access")
def test_a_dynamic_set_is_violated_in_one_place_only() -> None:
    keep_apart("dynamic")
    give("buyer", scope=SHOP)
    give("payer", scope=WEB)
    assert selectors.violations(timezone.now()) == []
    give("payer", scope=SHOP)
    assert len(selectors.violations(timezone.now())) == 1


@pytest.mark.usefixtures("access")
def test_a_role_that_nobody_could_hold_is_refused() -> None:
    keep_apart()
    spec = RoleSpec("boss", "Boss", "operator", parents=("buyer", "payer"))
    with pytest.raises(InvalidError) as caught:
        services.save_role(actor=SYSTEM, spec=spec)
    assert (caught.value.code, caught.value.field) == ("roles.unholdable", "parents")


@pytest.mark.usefixtures("access")
def test_releases_carry_the_sets_in_force_with_their_exceptions() -> None:
    row = keep_apart()
    excuse(row)
    services.save_separation(
        actor=SYSTEM,
        spec=replace(BUYERS, slug="off", is_active=False),
        owner=OLGA,
    )
    found = [r for r in selectors.live_records() if isinstance(r, SeparationRecord)]
    assert [record.id for record in found] == ["pay"]
    assert [waiver.principal for waiver in found[0].waivers] == [ALICE]
    assert parse_record(found[0].to_dict()) == found[0]


@pytest.mark.usefixtures("access")
def test_a_set_is_written_down_and_told_at_once_and_only_when_it_changes() -> None:
    row = keep_apart()
    entry = AuditEntry.objects.latest("sequence")
    assert (entry.action, entry.target_id) == ("separation.created", "pay")
    assert OutboxMessage.objects.filter(lane=Lane.URGENT).exists()
    count = AuditEntry.objects.count()
    services.save_separation(
        actor=SYSTEM, spec=BUYERS, owner=OLGA, separation_id=row.pk
    )
    assert AuditEntry.objects.count() == count


@pytest.mark.usefixtures("access")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"until": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)}, "until"),
        ({"owner": ALICE}, "owner"),
        ({"principal": EntityRef("User", "ghost")}, "principal"),
    ],
)
def test_an_exception_is_refused_for_one_thing(
    change: dict[str, object], field: str
) -> None:
    row = keep_apart()
    with pytest.raises(InvalidError) as caught:
        excuse(row, **change)
    assert caught.value.field == field
    excuse(row)


@pytest.mark.usefixtures("access")
def test_a_new_exception_ends_the_earlier_and_an_ended_one_is_gone() -> None:
    row = keep_apart()
    excuse(row)
    second = excuse(row)
    assert list(selectors.open_exceptions(timezone.now())) == [second]
    services.end_exception(actor=SYSTEM, exception_id=second.pk)
    assert not selectors.open_exceptions(timezone.now()).exists()
    with pytest.raises(SeparationNotFoundError):
        services.end_exception(actor=SYSTEM, exception_id=second.pk)


def test_the_database_itself_wants_another_owner(access: Tenant) -> None:
    alice = Principal.objects.get(key="alice")
    with pytest.raises(IntegrityError, match="another"), transaction.atomic():
        SeparationException.objects.create(
            tenant=access,
            separation=keep_apart(),
            principal=alice,
            owner=alice,
            reason="x",
            until=timezone.now(),
        )


@pytest.mark.django_db(transaction=True)
def test_two_requests_cannot_give_both_roles_at_once(tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        build_access()
        for slug in ("buyer", "payer"):
            services.save_role(actor=SYSTEM, spec=RoleSpec(slug, slug, "operator"))
        services.save_principal(actor=SYSTEM, spec=EntrySpec(OLGA))
        keep_apart()
    first_wrote, refused = threading.Event(), []

    def give_the_other() -> None:
        first_wrote.wait(10)
        try:
            with tenant_scope(tenant.pk):
                give("payer")
        except SeparationError as error:
            refused.append(error)
        finally:
            connection.close()

    other = threading.Thread(target=give_the_other)
    other.start()
    with tenant_scope(tenant.pk):
        give("buyer")
        first_wrote.set()
        other.join(0.3)
        assert other.is_alive(), "the second transaction waits for the first"
    other.join(10)
    assert len(refused) == 1


def test_nobody_excuses_themselves(access: Tenant, make_user: object) -> None:
    assert callable(make_user)
    anna = make_user("anna", ["security_admin"])
    row = keep_apart()
    assert row.tenant == access
    alice = Principal.objects.get(key="alice")
    services.link_person(actor=SYSTEM, principal_id=alice.pk, user_id=anna.pk)
    with pytest.raises(InvalidError) as caught:
        services.grant_exception(
            actor=Actor("user", str(anna.pk), "anna"),
            separation_id=row.pk,
            principal=ALICE,
            owner=OLGA,
            reason="me",
            until=timezone.now() + SOON,
        )
    assert caught.value.field == "principal"
