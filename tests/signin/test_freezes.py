"""A frozen person can do nothing in the tenant, reads why, and is freed by another."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.accounts import services
from apps.accounts.errors import (
    FreezeInvalidError,
    FreezeNotFoundError,
    LastAdminFrozenError,
    NotAMemberError,
    OwnFreezeError,
)
from apps.accounts.models import Freeze, User
from apps.accounts.services import actor_for
from apps.audit.events import Actor
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.accounts import MakeUser
from tests.factories.accounts import make_user as make_person
from tests.signin.conftest import Visitor

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


def freeze(by: User, whom: User, **changes: object) -> Freeze:
    arguments: dict[str, object] = {"reason": "Odd exports.", "lifetime": HOUR}
    return services.freeze(actor=actor_for(by), user=whom, **(arguments | changes))  # type: ignore[arg-type]


@pytest.fixture
def carol(make_user: MakeUser, visitor_for: Callable[[User], Visitor]) -> Visitor:
    return visitor_for(make_user("carol", ["approver"]))


@pytest.fixture
def frozen(tenant: Tenant, alice: Visitor, carol: Visitor) -> Freeze:
    with tenant_scope(tenant.pk):
        return freeze(alice.user, carol.user, instructions="Call the desk.")


def test_a_frozen_person_reads_why_and_until_when(
    carol: Visitor, frozen: Freeze
) -> None:
    page = carol.client.get("/admin/")
    assert page.status_code == 403
    for words in ("Odd exports.", "Call the desk.", f"{frozen.expires_at:%H:%M}"):
        assert words in page.content.decode()


def test_a_freeze_ends_by_itself(carol: Visitor, frozen: Freeze) -> None:
    now = timezone.now()
    with tenant_scope(frozen.tenant_id):
        Freeze.objects.update(created_at=now - 2 * HOUR, expires_at=now - HOUR)
    assert carol.client.get("/admin/").status_code == 200


def test_a_frozen_person_holds_no_right_by_any_way(
    carol: Visitor, frozen: Freeze, tenant: Tenant
) -> None:
    with tenant_scope(tenant.pk):
        assert not User.objects.get(pk=carol.user.pk).has_perm("policies.view_policy")
    del frozen


def test_a_freeze_of_one_session_leaves_the_others(
    tenant: Tenant,
    alice: Visitor,
    carol: Visitor,
    visitor_for: Callable[[User], Visitor],
) -> None:
    first = carol.sign_in
    second = visitor_for(carol.user)
    with tenant_scope(tenant.pk):
        freeze(alice.user, carol.user, sign_in_id=first.pk)
    assert carol.client.get("/admin/").status_code == 403
    assert second.client.get("/admin/").status_code == 200


def test_a_freeze_counts_in_its_tenant_only(
    carol: Visitor, frozen: Freeze, other_tenant: Tenant
) -> None:
    with tenant_scope(other_tenant.pk):
        services.grant_membership(
            actor=Actor.system("tests"), user=carol.user, roles=["auditor"]
        )
        assert User.objects.get(pk=carol.user.pk).has_perm("policies.view_policy")
    del frozen


def test_an_appeal_is_taken_once_from_the_frozen_person_only(
    alice: Visitor, carol: Visitor, frozen: Freeze
) -> None:
    address = reverse("signin:appeal", args=[frozen.pk])
    alice.client.post(address, {"appeal": "not mine"})
    carol.client.post(address, {"appeal": "It was the quarterly export."})
    carol.client.post(address, {"appeal": "again"})
    with tenant_scope(frozen.tenant_id):
        assert Freeze.objects.get().appeal == "It was the quarterly export."
    page = alice.client.get(reverse("admin:accounts_freeze_change", args=[frozen.pk]))
    assert b"quarterly export" in page.content


def test_neither_the_frozen_person_nor_the_freezer_lifts_it(
    tenant: Tenant, alice: Visitor, bob: Visitor, carol: Visitor, frozen: Freeze
) -> None:
    with tenant_scope(tenant.pk):
        for person in (carol.user, alice.user):
            with pytest.raises(OwnFreezeError):
                services.lift_freeze(
                    actor=actor_for(person), freeze_id=frozen.pk, reason="please"
                )
        services.lift_freeze(
            actor=actor_for(bob.user), freeze_id=frozen.pk, reason="cleared"
        )
    assert carol.client.get("/admin/").status_code == 200


def test_the_freezer_lifts_it_when_nobody_else_could(
    tenant: Tenant, alice: Visitor, frozen: Freeze
) -> None:
    with tenant_scope(tenant.pk):
        services.lift_freeze(
            actor=actor_for(alice.user), freeze_id=frozen.pk, reason="cleared"
        )


def test_lifting_is_signed_each_time(bob: Visitor, frozen: Freeze) -> None:
    address = reverse("admin:accounts_freeze_lift", args=[frozen.pk])
    answer = bob.client.post(address, {"reason": "cleared"})
    assert answer["Location"].startswith("/auth/operations/")
    with tenant_scope(frozen.tenant_id):
        assert Freeze.objects.get().lifted_at is None


def test_the_last_working_security_admin_is_not_locked_out(
    tenant: Tenant, make_user: MakeUser
) -> None:
    first = make_user("first", ["security_admin"])
    second = make_user("second", ["security_admin"])
    with tenant_scope(tenant.pk):
        freeze(first, second)
        with pytest.raises(LastAdminFrozenError):
            freeze(second, first)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"lifetime": dt.timedelta(0)}, "hours"),
        ({"lifetime": dt.timedelta(days=30, seconds=1)}, "hours"),
        ({"is_automatic": True, "lifetime": HOUR + dt.timedelta(seconds=1)}, "hours"),
    ],
    ids=["no-reason", "no-time", "too-long", "automatic-too-long"],
)
def test_a_freeze_has_a_reason_and_an_end(
    tenant: Tenant,
    alice: Visitor,
    carol: Visitor,
    change: dict[str, object],
    field: str,
) -> None:
    with tenant_scope(tenant.pk), pytest.raises(FreezeInvalidError) as caught:
        freeze(alice.user, carol.user, **change)
    assert caught.value.field == field


def test_a_stranger_is_not_frozen(
    tenant: Tenant, alice: Visitor, other_tenant: Tenant
) -> None:
    stranger = make_person("mallory", ["auditor"], tenant=other_tenant)
    with tenant_scope(tenant.pk), pytest.raises(NotAMemberError):
        freeze(alice.user, stranger)


def test_another_tenants_freeze_is_not_found(
    alice: Visitor, frozen: Freeze, other_tenant: Tenant
) -> None:
    with tenant_scope(other_tenant.pk), pytest.raises(FreezeNotFoundError):
        services.lift_freeze(
            actor=actor_for(alice.user), freeze_id=frozen.pk, reason="x"
        )


def test_the_console_freezes_and_lists(alice: Visitor, carol: Visitor) -> None:
    answer = alice.client.post(
        reverse("admin:accounts_freeze_add"),
        {"username": "carol", "reason": "Odd.", "instructions": "", "hours": "2"},
    )
    assert answer.status_code == 302
    listed = alice.client.get(reverse("admin:accounts_freeze_changelist"))
    assert b"Odd." in listed.content
    assert carol.client.get("/admin/").status_code == 403


def test_admins_see_and_end_members_sessions_and_no_others(
    alice: Visitor,
    carol: Visitor,
    other_tenant: Tenant,
    visitor_for: Callable[[User], Visitor],
) -> None:
    stranger = visitor_for(make_person("mallory", ["auditor"], tenant=other_tenant))
    listed = alice.client.get(reverse("admin:signin_signin_changelist")).content
    assert b"Carol" in listed
    assert b"Mallory" not in listed
    end = "admin:signin_signin_end"
    assert (
        alice.client.post(reverse(end, args=[stranger.sign_in.pk])).status_code == 404
    )
    alice.client.post(reverse(end, args=[carol.sign_in.pk]))
    assert carol.client.get("/admin/").status_code == 302
    assert stranger.client.get("/admin/").status_code == 200


def test_who_may_only_look_ends_no_session(alice: Visitor, carol: Visitor) -> None:
    end = reverse("admin:signin_signin_end", args=[alice.sign_in.pk])
    assert carol.client.post(end).status_code == 403
    assert alice.client.get("/admin/").status_code == 200
