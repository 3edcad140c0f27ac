"""Acts upon one delegation at the same instant, each on a connection of its own."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

from apps.accounts.models import User
from apps.accounts.services import actor_for
from apps.delegations import services
from apps.delegations.choices import LoanState
from apps.delegations.errors import LoanStateError
from apps.delegations.models import Delegation
from apps.roles import services as roles
from apps.roles.models import Assignment
from apps.roles.rules import RoleSpec
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.approvals.test_concurrency import at_once
from tests.delegations.conftest import accept, allow, offer, person
from tests.factories.access import SYSTEM, build_access
from tests.factories.accounts import MakeUser

pytestmark = pytest.mark.django_db(transaction=True)
Pair = tuple[User, User]


@pytest.fixture
def pair(tenant: Tenant, make_user: MakeUser) -> Pair:
    """Return who lends and who borrows, as other connections see them."""
    with tenant_scope(tenant.pk):
        build_access()
        roles.save_role(actor=SYSTEM, spec=RoleSpec("owner", "Owner", "admin"))
        allow()
        return person(make_user, "alice"), person(make_user, "ben")


@pytest.fixture
def offered(tenant: Tenant, pair: Pair) -> Delegation:
    with tenant_scope(tenant.pk):
        return offer(*pair)


def within(tenant: Tenant, act: Callable[[], object]) -> None:
    with tenant_scope(tenant.pk):
        act()


def take_back(user: User, row: Delegation) -> object:
    return services.revoke(actor=actor_for(user), user=user, delegation_id=row.pk)


def test_two_accepts_at_once_lend_it_once(
    tenant: Tenant, pair: Pair, offered: Delegation
) -> None:
    act = functools.partial(within, tenant, functools.partial(accept, pair[1], offered))

    failures = at_once(act, act)

    assert [type(error) for error in failures] == [LoanStateError]
    with tenant_scope(tenant.pk):
        found = Assignment.objects.filter(workflow_id=offered.pk)
        assert found.count() == 1
        assert Delegation.objects.get(pk=offered.pk).state == LoanState.ACCEPTED


@pytest.mark.parametrize("round_", range(3))
def test_what_is_accepted_and_taken_back_at_once_is_not_held(
    tenant: Tenant, pair: Pair, offered: Delegation, round_: int
) -> None:
    assert round_ >= 0
    alice, ben = pair

    failures = at_once(
        functools.partial(within, tenant, functools.partial(accept, ben, offered)),
        functools.partial(within, tenant, functools.partial(take_back, alice, offered)),
    )

    # Whoever comes first, it ends: an offer taken back cannot be accepted any more.
    assert {type(error) for error in failures} <= {LoanStateError}
    with tenant_scope(tenant.pk):
        assert Delegation.objects.get(pk=offered.pk).state == LoanState.REVOKED
        held = Assignment.objects.filter(
            workflow_id=offered.pk, revoked_at__isnull=True
        )
        assert not held.exists()
