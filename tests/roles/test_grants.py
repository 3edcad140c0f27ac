"""Rights on single objects: who gives them, what they are worth, and when they end."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest
import time_machine
from django.contrib import auth
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.services import actor_for, freeze
from apps.audit.events import Actor
from apps.audit.models import AuditEntry
from apps.core.errors import PortwardError
from apps.roles import selectors, services
from apps.roles.errors import (
    GrantBeyondError,
    GrantExistsError,
    GrantInvalidError,
    GrantNotFoundError,
    GrantToSelfError,
    RaisesSelfError,
)
from apps.roles.models import ObjectGrant, Principal, PrincipalGroup, Resource, Role
from apps.roles.rules import EntrySpec, GroupSpec, RoleSpec
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.records import EntityRef, Permission
from tests.factories.access import ALICE, SYSTEM, build_access
from tests.factories.accounts import MakeUser
from tests.factories.grants import HOUR, delegate, grant_spec

CHANGE = "roles.change_role"
OLGA = EntityRef("User", "olga")


@pytest.fixture
def access(tenant: Tenant) -> Tenant:
    with tenant_scope(tenant.pk):
        build_access()
    return tenant


@pytest.fixture
def anna(make_user: MakeUser) -> User:
    return make_user("anna", ["security_admin"])


@pytest.fixture
def olga(access: Tenant, make_user: MakeUser) -> User:
    user = make_user("olga", ["member"])
    with tenant_scope(access.pk):
        row = services.save_principal(actor=SYSTEM, spec=EntrySpec(OLGA))
        services.link_person(actor=SYSTEM, principal_id=row.pk, user_id=user.pk)
    return user


@pytest.fixture
def paul(make_user: MakeUser) -> User:
    return make_user("paul", ["member"])


def again(user: User) -> User:
    """Return the person as the next request reads them."""
    return User.objects.get(pk=user.pk)


def role(slug: str) -> Role:
    return Role.objects.get(slug=slug)


def group(*members: EntityRef) -> PrincipalGroup:
    return services.save_group(actor=SYSTEM, spec=GroupSpec("ops", "Ops", members))


class TestWhatAGrantIsWorth:
    def test_it_counts_for_its_object_and_for_no_other(
        self, access: Tenant, olga: User
    ) -> None:
        with tenant_scope(access.pk):
            delegate(olga, "change", role("reader"))
            olga = again(olga)
            assert olga.has_perm(CHANGE, role("reader"))
            assert olga.has_perm("roles.view_role", role("reader"))
            assert not olga.has_perm("roles.delete_role", role("reader"))
            assert not olga.has_perm(CHANGE, role("developer"))
            assert not olga.has_perm(CHANGE)
            assert not olga.has_perm("roles.change_resource", role("reader"))
            assert olga.has_some(CHANGE)

    def test_a_constraint_counts_for_what_fits_now(
        self, access: Tenant, olga: User
    ) -> None:
        with tenant_scope(access.pk):
            delegate(olga, "change", "roles.Role", {"tier": "read_only"})
            olga = again(olga)
            assert olga.has_perm(CHANGE, role("reader"))
            assert not olga.has_perm(CHANGE, role("developer"))
            rows = olga.narrowed("roles.view_role", Role.objects.all())
            assert [row.slug for row in rows] == ["reader"]
            Role.objects.filter(slug="reader").update(tier="operator")
            assert not again(olga).has_perm(CHANGE, role("reader"))

    def test_seeing_is_not_changing(self, access: Tenant, olga: User) -> None:
        with tenant_scope(access.pk):
            delegate(olga, "view", role("reader"))
            assert again(olga).has_perm("roles.view_role", role("reader"))
            assert not again(olga).has_perm(CHANGE, role("reader"))

    def test_it_reaches_the_members_of_a_group(
        self, access: Tenant, olga: User, paul: User
    ) -> None:
        with tenant_scope(access.pk):
            ops = group(OLGA)
            delegate(ops, "change", role("reader"))
            assert again(olga).has_perm(CHANGE, role("reader"))
            assert not again(paul).has_perm(CHANGE, role("reader"))
            services.save_group(
                actor=SYSTEM, spec=GroupSpec("ops", "Ops"), group_id=ops.pk
            )
            assert not again(olga).has_perm(CHANGE, role("reader"))

    def test_it_ends_at_the_instant(self, access: Tenant, olga: User) -> None:
        with tenant_scope(access.pk):
            row = delegate(olga, "change", role("reader"))
            olga = again(olga)
            with time_machine.travel(
                row.until - dt.timedelta(microseconds=1), tick=False
            ):
                assert olga.has_perm(CHANGE, role("reader"))
            with time_machine.travel(row.until, tick=False):
                # Also for a person whose request began before.
                assert not olga.has_perm(CHANGE, role("reader"))
                assert not again(olga).has_perm(CHANGE, role("reader"))
                assert not again(olga).narrowed(CHANGE, Role.objects.all())

    def test_a_revoked_one_is_worth_nothing(
        self, access: Tenant, anna: User, olga: User
    ) -> None:
        with tenant_scope(access.pk):
            row = delegate(olga, "change", role("reader"))
            services.revoke_grant(
                actor=actor_for(anna), grant_id=row.pk, reason="She moved on."
            )
            assert not again(olga).has_perm(CHANGE, role("reader"))
            with pytest.raises(GrantNotFoundError):
                services.revoke_grant(actor=SYSTEM, grant_id=row.pk, reason="Again.")

    def test_it_is_worth_nothing_in_another_tenant(
        self, access: Tenant, other_tenant: Tenant, olga: User
    ) -> None:
        with tenant_scope(access.pk):
            delegate(olga, "change", "roles.Role", {"tier": "read_only"})
            ours = role("reader")
        with tenant_scope(other_tenant.pk):
            services.save_role(
                actor=SYSTEM, spec=RoleSpec("reader", "Reader", "read_only")
            )
            olga = again(olga)
            assert not olga.has_perm(CHANGE, role("reader"))
            assert not olga.has_perm(CHANGE, ours)
            assert not olga.has_some(CHANGE)
            assert not ObjectGrant.objects.exists()
            assert not olga.narrowed(CHANGE, Role.objects.all())

    def test_who_is_frozen_or_gone_holds_nothing(
        self, access: Tenant, olga: User
    ) -> None:
        with tenant_scope(access.pk):
            delegate(olga, "change", role("reader"))
            freeze(actor=SYSTEM, user=olga, reason="A lost laptop.", lifetime=HOUR)
            assert not again(olga).has_perm(CHANGE, role("reader"))
            assert not again(olga).has_some(CHANGE)

    def test_no_flag_on_an_account_makes_it_more(
        self, access: Tenant, paul: User
    ) -> None:
        User.objects.filter(pk=paul.pk).update(is_superuser=True)
        with tenant_scope(access.pk):
            assert not again(paul).has_perm(CHANGE, role("reader"))

    def test_only_our_backends_are_asked(self) -> None:
        names = {type(one).__module__ for one in auth.get_backends()}
        assert names == {
            "apps.accounts.authentication",
            "apps.roles.authentication",
        }


class TestWhoMayGrant:
    def test_a_security_admin_may_and_the_trail_says_what(
        self, access: Tenant, anna: User, olga: User
    ) -> None:
        with tenant_scope(access.pk):
            row = delegate(olga, "change", role("reader"), actor=actor_for(anna))
            services.revoke_grant(
                actor=actor_for(anna), grant_id=row.pk, reason="She moved on."
            )
            made, ended = AuditEntry.objects.filter(
                target_type="ObjectGrant", target_id=str(row.pk)
            ).order_by("sequence")
        assert (made.before, made.actor_name) == (None, "anna")
        assert made.after is not None
        assert ended.after is not None
        assert made.after["holder"] == "user:olga"
        assert made.after["object"] == row.object_pk
        assert ended.before == made.after
        assert ended.after["revoked"] == "She moved on."

    @pytest.mark.parametrize("who", ["auditor", "approver", "member"])
    def test_nobody_else_may(
        self, access: Tenant, make_user: MakeUser, olga: User, who: str
    ) -> None:
        other = make_user("bert", [who])
        with tenant_scope(access.pk), pytest.raises(GrantBeyondError):
            delegate(olga, "view", role("reader"), actor=actor_for(other))

    @pytest.mark.parametrize("who", ["security_admin", "member"])
    def test_nobody_grants_to_themselves(
        self, access: Tenant, make_user: MakeUser, who: str
    ) -> None:
        other = make_user("bert", [who])
        with tenant_scope(access.pk), pytest.raises(GrantToSelfError):
            delegate(other, "view", role("reader"), actor=actor_for(other))

    def test_nor_does_the_database_keep_it(self, access: Tenant, anna: User) -> None:
        with tenant_scope(access.pk):
            row = delegate(anna, "view", role("reader"))
            values = {
                name: getattr(row, name)
                for name in ("tenant", "content_type", "permission", "object_pk")
            }
            with pytest.raises(IntegrityError, match="not_to_oneself"):
                ObjectGrant(
                    **values,
                    user=anna,
                    granted_by=anna.pk,
                    granted_by_name="anna",
                    reason="Mine.",
                    until=timezone.now(),
                ).save()

    def test_nobody_grants_to_a_group_they_are_in(
        self, access: Tenant, anna: User
    ) -> None:
        with tenant_scope(access.pk):
            alice = Principal.objects.get(key="alice")
            services.link_person(actor=SYSTEM, principal_id=alice.pk, user_id=anna.pk)
            with pytest.raises(GrantToSelfError):
                delegate(group(ALICE), "change", role("reader"), actor=actor_for(anna))

    def test_what_is_said_never_changes(self, access: Tenant, olga: User) -> None:
        with tenant_scope(access.pk):
            row = delegate(olga, "change", "roles.Role", {"tier": "read_only"})
            rows = ObjectGrant.objects.filter(pk=row.pk)
            for change in (
                {"constraint": {"tier": "admin"}},
                {"until": timezone.now() + 2 * HOUR},
                {"may_pass_on": True},
            ):
                with (
                    pytest.raises(IntegrityError, match="stays what it is"),
                    transaction.atomic(),
                ):
                    rows.update(**change)
            with pytest.raises(IntegrityError, match="for ever"), transaction.atomic():
                rows.delete()


class TestPassingOn:
    def test_a_part_is_passed_on_and_never_more(
        self, access: Tenant, olga: User, paul: User
    ) -> None:
        with tenant_scope(access.pk):
            tiers = {"tier": "read_only"}
            parent = delegate(olga, "change", "roles.Role", tiers, may_pass_on=True)
            row = delegate(
                paul,
                "change",
                "roles.Role",
                {"slug__in": ["reader", "developer"]},
                actor=actor_for(olga),
                until=parent.until,
            )
            assert row.parent == parent
            rows = again(paul).narrowed(CHANGE, Role.objects.all())
            assert [one.slug for one in rows] == ["reader"]
            assert again(paul).has_perm(CHANGE, role("reader"))
            assert not again(paul).has_perm(CHANGE, role("developer"))

    @pytest.mark.parametrize(
        ("what", "more", "field"),
        [
            ("developer", {}, "object_id"),
            ("reader", {"until": timezone.now() + 48 * HOUR}, "until"),
            ("reader", {"may_pass_on": True}, "may_pass_on"),
        ],
    )
    def test_not_beyond_ones_own(
        self,
        access: Tenant,
        olga: User,
        paul: User,
        what: str,
        more: dict[str, Any],
        field: str,
    ) -> None:
        with tenant_scope(access.pk):
            tiers = {"tier": "read_only"}
            parent = delegate(olga, "change", "roles.Role", tiers, may_pass_on=True)
            values = {"until": parent.until} | more
            with pytest.raises(GrantBeyondError) as refused:
                delegate(paul, "change", role(what), actor=actor_for(olga), **values)
        assert refused.value.field == field

    def test_not_what_may_not_be_passed_on(
        self, access: Tenant, olga: User, paul: User
    ) -> None:
        with tenant_scope(access.pk):
            parent = delegate(olga, "change", role("reader"))
            with pytest.raises(GrantBeyondError):
                delegate(
                    paul,
                    "change",
                    role("reader"),
                    actor=actor_for(olga),
                    until=parent.until,
                )

    def test_seeing_may_not_become_changing(
        self, access: Tenant, olga: User, paul: User
    ) -> None:
        with tenant_scope(access.pk):
            parent = delegate(olga, "view", role("reader"), may_pass_on=True)
            with pytest.raises(GrantBeyondError):
                delegate(
                    paul,
                    "change",
                    role("reader"),
                    actor=actor_for(olga),
                    until=parent.until,
                )

    def test_it_ends_with_what_it_came_from(
        self, access: Tenant, anna: User, olga: User, paul: User
    ) -> None:
        with tenant_scope(access.pk):
            parent = delegate(olga, "change", role("reader"), may_pass_on=True)
            delegate(
                paul,
                "change",
                role("reader"),
                actor=actor_for(olga),
                until=parent.until,
            )
            assert again(paul).has_perm(CHANGE, role("reader"))
            services.revoke_grant(
                actor=actor_for(anna), grant_id=parent.pk, reason="Enough."
            )
            assert not again(paul).has_perm(CHANGE, role("reader"))

    def test_only_who_gave_it_takes_it_back(
        self, access: Tenant, make_user: MakeUser, olga: User
    ) -> None:
        bert = make_user("bert", ["auditor"])
        with tenant_scope(access.pk):
            row = delegate(olga, "change", role("reader"))
            with pytest.raises(GrantBeyondError):
                services.revoke_grant(
                    actor=actor_for(bert), grant_id=row.pk, reason="I like to."
                )


class TestNobodyRaisesThemselves:
    def test_nobody_joins_a_group_that_has_rights(
        self, access: Tenant, anna: User
    ) -> None:
        with tenant_scope(access.pk):
            alice = Principal.objects.get(key="alice")
            services.link_person(actor=SYSTEM, principal_id=alice.pk, user_id=anna.pk)
            ops = group()
            spec = GroupSpec("ops", "Ops", (ALICE,))
            delegate(ops, "change", role("reader"))
            with pytest.raises(RaisesSelfError):
                services.save_group(actor=actor_for(anna), spec=spec, group_id=ops.pk)
            services.save_group(actor=SYSTEM, spec=spec, group_id=ops.pk)

    def test_nobody_becomes_a_principal_of_such_a_group(
        self, access: Tenant, anna: User
    ) -> None:
        with tenant_scope(access.pk):
            delegate(group(ALICE), "change", role("reader"))
            alice = Principal.objects.get(key="alice")
            with pytest.raises(RaisesSelfError):
                services.link_person(
                    actor=actor_for(anna), principal_id=alice.pk, user_id=anna.pk
                )

    def test_who_may_change_a_group_neither_joins_nor_lets_in(
        self, access: Tenant, olga: User, paul: User
    ) -> None:
        with tenant_scope(access.pk):
            alice = Principal.objects.get(key="alice")
            services.link_person(actor=SYSTEM, principal_id=alice.pk, user_id=paul.pk)
            ops = group()
            delegate(olga, "change", ops)
            for members, holds in (((OLGA,), False), ((ALICE,), True)):
                if holds:
                    delegate(ops, "change", role("developer"))
                with pytest.raises(RaisesSelfError):
                    services.save_group(
                        actor=actor_for(again(olga)),
                        spec=GroupSpec("ops", "Ops", members),
                        group_id=ops.pk,
                    )

    def test_a_role_that_one_holds_does_not_grow_by_ones_own_hand(
        self, access: Tenant, olga: User
    ) -> None:
        wanted = RoleSpec(
            "reader",
            "Reader",
            "read_only",
            "",
            (Permission("read", "Namespace"), Permission("look", "Node")),
        )
        with tenant_scope(access.pk):
            services.define_permission(
                actor=SYSTEM, action="look", resource_type="Node", tier="read_only"
            )
            delegate(olga, "change", role("reader"))
            # Alice holds a role that inherits from this one.
            alice = Principal.objects.get(key="alice")
            other = Principal.objects.get(key="olga")
            services.link_person(actor=SYSTEM, principal_id=other.pk, user_id=None)
            services.link_person(actor=SYSTEM, principal_id=alice.pk, user_id=olga.pk)
            pk = role("reader").pk
            with pytest.raises(RaisesSelfError):
                services.save_role(actor=actor_for(olga), spec=wanted, role_id=pk)
            services.link_person(actor=SYSTEM, principal_id=alice.pk, user_id=None)
            services.save_role(actor=actor_for(olga), spec=wanted, role_id=pk)

    def test_a_resource_is_not_moved_into_a_group_that_is_not_theirs(
        self, access: Tenant, olga: User
    ) -> None:
        spec = EntrySpec(EntityRef("Namespace", "shop"), "Shop", {}, ("web",))
        with tenant_scope(access.pk):
            shop = Resource.objects.get(key="shop")
            delegate(olga, "change", shop)
            with pytest.raises(RaisesSelfError):
                services.save_resource(
                    actor=actor_for(olga), spec=spec, resource_id=shop.pk
                )
            delegate(olga, "change", Resource.objects.get(key="web"))
            services.save_resource(
                actor=actor_for(olga), spec=spec, resource_id=shop.pk
            )

    def test_nobody_makes_themselves_an_owner(self, access: Tenant, olga: User) -> None:
        with tenant_scope(access.pk):
            shop = Resource.objects.get(key="shop")
            delegate(olga, "change", shop)
            services.set_owners(
                actor=actor_for(olga), resource_id=shop.pk, owners=[ALICE]
            )
            with pytest.raises(RaisesSelfError):
                services.set_owners(
                    actor=actor_for(olga), resource_id=shop.pk, owners=[OLGA]
                )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"action": "delete"}, "action"),
        ({"model": "accounts.Membership"}, "model"),
        ({"model": "accounts.ApiToken"}, "model"),
        ({"model": "roles.ObjectGrant"}, "model"),
        ({"model": "keys.SigningKey"}, "model"),
        ({"reason": " "}, "reason"),
        ({"until": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)}, "until"),
        ({"until": timezone.now() + dt.timedelta(days=400)}, "until"),
        ({"constraint": None}, "constraint"),
        ({"user_id": None}, "holder"),
        (
            {"constraint": {"permissions__action": "x"}},
            "constraint.permissions__action",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_place(
    access: Tenant, olga: User, change: dict[str, Any], field: str
) -> None:
    spec = grant_spec(olga, "change", "roles.Role", {"tier": "read_only"})
    with tenant_scope(access.pk), pytest.raises(PortwardError) as refused:
        services.grant_object(
            actor=Actor.system("tests"), spec=dataclasses.replace(spec, **change)
        )
    assert refused.value.field == field


def test_the_same_is_granted_once(access: Tenant, olga: User) -> None:
    with tenant_scope(access.pk):
        delegate(olga, "change", role("reader"))
        with pytest.raises(GrantExistsError):
            delegate(olga, "change", role("reader"))
        delegate(olga, "view", role("reader"))


def test_what_is_added_is_said_by_a_constraint(access: Tenant, olga: User) -> None:
    with tenant_scope(access.pk), pytest.raises(GrantInvalidError) as refused:
        delegate(olga, "add", role("reader"))
    assert refused.value.field == "object_id"


def test_every_model_on_offer_can_be_asked_for_its_fields(access: Tenant) -> None:
    with tenant_scope(access.pk):
        offered = selectors.grantable_models()
        assert {"roles.role", "policies.policy", "scopes.timewindow"} <= set(offered)
        assert not [name for name in offered if name.startswith("accounts.")]
        for model in offered.values():
            assert selectors.scope_fields(model)
