"""A tenant with people, roles and a campaign."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from apps.accounts.models import User
from apps.reviews import services
from apps.reviews.models import Campaign, Run
from apps.reviews.rules import CampaignSpec
from apps.roles import services as roles
from apps.roles.rules import AssignmentSpec, EntrySpec
from apps.roles.selectors import principals
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.records import EntityRef
from tests.factories.access import SYSTEM, build_access
from tests.factories.accounts import MakeUser

MakeCampaign = Callable[..., Campaign]


def ref(user: User) -> EntityRef:
    """Return the principal that a person of these tests signs in as."""
    return EntityRef("User", user.username)


def campaign(**changes: object) -> Campaign:
    """Make a campaign over all standing assignments."""
    arguments: dict[str, object] = {"name": "All roles", "recurrence": 0}
    return services.save_campaign(
        actor=SYSTEM,
        spec=CampaignSpec(**(arguments | changes)),  # type: ignore[arg-type]
    )


def opened(**changes: object) -> Run:
    """Make a campaign and open it."""
    row = campaign(**changes)
    return services.open_run(actor=SYSTEM, campaign_id=row.pk)


def assign(user: User, role: str, **changes: object) -> None:
    """Give a person a standing role."""
    roles.assign_role(
        actor=SYSTEM,
        spec=AssignmentSpec(ref(user), role, **changes),  # type: ignore[arg-type]
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
    """Open a tenant whose Alice is a developer everywhere."""
    with tenant_scope(tenant.pk):
        build_access()
        yield


@pytest.fixture
def alice(access: None, make_user: MakeUser) -> User:  # noqa: ARG001
    """Return a developer."""
    return person(make_user, "alice")


@pytest.fixture
def admin(access: None, make_user: MakeUser) -> User:  # noqa: ARG001
    """Return a security admin."""
    return make_user("admin", ["security_admin"])
