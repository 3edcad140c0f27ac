"""Four people who sign in, hold something, and could lend it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.services import actor_for
from apps.delegations import services
from apps.delegations.models import Delegation
from apps.delegations.rules import Limits
from apps.delegations.services import OfferSpec
from apps.roles import services as roles
from apps.roles.rules import AssignmentSpec, EntrySpec, RoleSpec
from apps.roles.selectors import principals
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.records import EntityRef
from tests.factories.access import SYSTEM, build_access
from tests.factories.accounts import MakeUser

WEB = EntityRef("ResourceGroup", "web")
WEB_1 = EntityRef("Node", "web-1")
SHOP = EntityRef("Namespace", "shop")
HOUR = dt.timedelta(hours=1)
REASON = "On holiday until Friday."


def ref(user: User) -> EntityRef:
    """Return the principal that a person of these tests signs in as."""
    return EntityRef("User", user.username)


def spec_for(delegate: User, /, **changes: object) -> OfferSpec:
    """Return an offer of the role developer everywhere for two hours."""
    arguments: dict[str, object] = {
        "delegate": ref(delegate),
        "role": "developer",
        "end": timezone.now() + 2 * HOUR,
        "reason": REASON,
    }
    return OfferSpec(**(arguments | changes))  # type: ignore[arg-type]


def offer(delegator: User, delegate: User, /, **changes: object) -> Delegation:
    """Offer a role of the delegator."""
    return services.offer(
        actor=actor_for(delegator), user=delegator, spec=spec_for(delegate, **changes)
    )


def accept(user: User, row: Delegation) -> Delegation:
    """Accept an offer as its delegate."""
    return services.accept(actor=actor_for(user), user=user, delegation_id=row.pk)


def lend(delegator: User, delegate: User, /, **changes: object) -> Delegation:
    """Offer and accept."""
    return accept(delegate, offer(delegator, delegate, **changes))


def allow(**changes: object) -> None:
    """Switch delegation on."""
    services.set_policy(
        actor=SYSTEM,
        limits=Limits(**({"is_allowed": True} | changes)),  # type: ignore[arg-type]
    )


def person(make_user: MakeUser, name: str, *tenant_roles: str) -> User:
    """Make a member who signs in as the principal of the same name."""
    user = make_user(name, tenant_roles or ("member",))
    row = principals().filter(type="User", key=name).first()
    if row is None:
        row = roles.save_principal(
            actor=SYSTEM, spec=EntrySpec(EntityRef("User", name), name.title())
        )
    roles.link_person(actor=SYSTEM, principal_id=row.pk, user_id=user.pk)
    return user


@pytest.fixture
def access(tenant: Tenant) -> Iterator[None]:
    """Open a tenant whose Alice is a developer everywhere, with delegation on."""
    with tenant_scope(tenant.pk):
        build_access()
        roles.save_role(actor=SYSTEM, spec=RoleSpec("owner", "Owner", "admin"))
        allow()
        yield


@pytest.fixture
def alice(access: None, make_user: MakeUser) -> User:  # noqa: ARG001
    """Return a developer."""
    return person(make_user, "alice")


@pytest.fixture
def ben(access: None, make_user: MakeUser) -> User:  # noqa: ARG001
    """Return a person who holds nothing."""
    return person(make_user, "ben")


@pytest.fixture
def cat(access: None, make_user: MakeUser) -> User:  # noqa: ARG001
    """Return another person who holds nothing."""
    return person(make_user, "cat")


@pytest.fixture
def admin(access: None, make_user: MakeUser) -> User:  # noqa: ARG001
    """Return a security admin."""
    return make_user("admin", ["security_admin"])


def assign(user: User, role: str, **changes: object) -> None:
    """Give a person a standing role."""
    roles.assign_role(
        actor=SYSTEM,
        spec=AssignmentSpec(ref(user), role, **changes),  # type: ignore[arg-type]
    )
