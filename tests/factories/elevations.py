"""People who may ask for a role, through the same services as the UI."""

from __future__ import annotations

from typing import Any

from apps.accounts.services import actor_for
from apps.approvals.models import ApprovalRequest
from apps.approvals.services import request_elevation
from apps.audit.events import Actor
from apps.elevations import services
from apps.elevations.models import Elevation, Eligibility
from apps.elevations.rules import ElevationSpec, EligibilitySpec
from apps.roles import services as roles
from apps.roles.models import Assignment, Principal, Resource, Role
from apps.roles.rules import EntrySpec, RoleSpec
from protocol.records import EntityRef, Permission
from tests.factories.access import build_access
from tests.factories.approvals import Person

SYSTEM = Actor.system("tests")
REASON = "The shop does not answer."


def build_roles() -> None:
    """Create the access model, and one role of each tier to ask for."""
    build_access()
    roles.save_role(
        actor=SYSTEM,
        spec=RoleSpec(
            *("root", "Root", "admin", ""), (Permission("reconfigure", "Node"),)
        ),
    )


def make_principal(person: Person) -> Principal:
    """Return the principal as which a person signs in."""
    row = roles.save_principal(
        actor=SYSTEM, spec=EntrySpec(EntityRef("User", person.user.username))
    )
    return roles.link_person(actor=SYSTEM, principal_id=row.pk, user_id=person.user.pk)


def offer(
    principal: Principal | None, role: str = "developer", **changed: Any
) -> Eligibility:
    """Return a role that a principal, or whoever else is named, may ask for."""
    found = Role.objects.get(slug=role)
    values: dict[str, Any] = {
        "purpose": f"Work as {found.name}",
        "role": found.pk,
        "max_minutes": {"read_only": 120, "operator": 30, "admin": 10}[found.tier],
        "principal": principal.pk if principal else None,
    }
    return services.save_eligibility(
        actor=SYSTEM, spec=EligibilitySpec(**(values | changed))
    )


def shop() -> Resource:
    """Return the resource that the access model knows as the shop."""
    return Resource.objects.get(type="Namespace", key="shop")


def ask(person: Person, eligibility: Eligibility, **changed: Any) -> Elevation:
    """Ask for a role."""
    values: dict[str, Any] = {
        "eligibility": eligibility.pk,
        "minutes": eligibility.terms.longest,
        "reason": REASON,
    }
    return request_elevation(
        actor=actor_for(person.user),
        requester=person.user,
        spec=ElevationSpec(**(values | changed)),
    )


def request_of(row: Elevation) -> ApprovalRequest:
    """Return the request that decides on an elevation."""
    assert row.request_id is not None
    return ApprovalRequest.objects.get(pk=row.request_id)


def granted() -> list[Assignment]:
    """Return the assignments that came from elevations."""
    return list(Assignment.objects.filter(source="elevation"))
