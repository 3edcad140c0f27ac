"""Giving and revoking at the same time, over two connections."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from apps.accounts.models import User
from apps.accounts.services import actor_for
from apps.core.errors import PortwardError
from apps.roles import services
from apps.roles.errors import GrantBeyondError, GrantExistsError, GrantNotFoundError
from apps.roles.models import ObjectGrant, Role
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.access import SYSTEM, build_access
from tests.factories.accounts import MakeUser
from tests.factories.grants import delegate

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people(tenant: Tenant, make_user: MakeUser) -> dict[str, User]:
    with tenant_scope(tenant.pk):
        build_access()
    return {name: make_user(name, ["member"]) for name in ("olga", "paul")}


def at_once(tenant: Tenant, *acts: Callable[[], Any]) -> list[PortwardError | None]:
    """Run acts at the same moment, each on a connection of its own."""
    barrier = threading.Barrier(len(acts))
    found: list[PortwardError | None] = [None] * len(acts)

    def run(place: int) -> None:
        try:
            with tenant_scope(tenant.pk):
                barrier.wait()
                acts[place]()
        except PortwardError as error:
            found[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()
    return found


def test_what_is_passed_on_does_not_outlive_a_revocation(
    tenant: Tenant, people: dict[str, User]
) -> None:
    with tenant_scope(tenant.pk):
        reader = Role.objects.get(slug="reader")
        parent = delegate(people["olga"], "change", reader, may_pass_on=True)
    passing, revoking = at_once(
        tenant,
        lambda: delegate(
            people["paul"],
            "change",
            reader,
            actor=actor_for(people["olga"]),
            until=parent.until,
        ),
        lambda: services.revoke_grant(
            actor=SYSTEM, grant_id=parent.pk, reason="Enough."
        ),
    )
    assert revoking is None
    # Either it came too late, or it was ended together with what it came from.
    assert passing is None or isinstance(passing, GrantBeyondError)
    with tenant_scope(tenant.pk):
        assert not ObjectGrant.objects.filter(revoked_at__isnull=True).exists()
        paul = User.objects.get(username="paul")
        assert not paul.has_perm("roles.change_role", reader)


def test_the_same_is_given_once_by_two_at_once(
    tenant: Tenant, people: dict[str, User]
) -> None:
    with tenant_scope(tenant.pk):
        reader = Role.objects.get(slug="reader")
    found = at_once(tenant, *[lambda: delegate(people["olga"], "view", reader)] * 2)
    assert sorted(type(one).__name__ for one in found) == [
        GrantExistsError.__name__,
        "NoneType",
    ]
    with tenant_scope(tenant.pk):
        assert ObjectGrant.objects.count() == 1


def test_a_right_is_revoked_once_by_two_at_once(
    tenant: Tenant, people: dict[str, User]
) -> None:
    with tenant_scope(tenant.pk):
        row = delegate(people["olga"], "view", Role.objects.get(slug="reader"))

    def revoke() -> None:
        services.revoke_grant(actor=SYSTEM, grant_id=row.pk, reason="Enough.")

    found = at_once(tenant, revoke, revoke)
    assert sorted(type(one).__name__ for one in found) == [
        GrantNotFoundError.__name__,
        "NoneType",
    ]
