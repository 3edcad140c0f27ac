"""Load what a file says into a tenant, in one transaction.

Loading twice changes nothing; loading a changed file changes what differs. Nothing is
removed: what a file leaves out may have been made in the UI. `pruning` removes it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from django.db import transaction

from apps.accounts import selectors as accounts
from apps.accounts import services as accounts_services
from apps.approvals import services as approvals
from apps.audit.events import Actor
from apps.core.errors import NotFoundError
from apps.elevations import selectors as elevations
from apps.elevations import services as elevation_services
from apps.nodes import services as nodes
from apps.policies import selectors as policies
from apps.policies import services as policy_services
from apps.roles import selectors as roles
from apps.roles import services as role_services
from apps.roles.choices import AttributeSource, Workflow
from apps.roles.rules import AssignmentSpec, AttributeLimits
from apps.scopes import selectors as scopes
from apps.scopes import services as scope_services
from apps.tenants.models import Tenant
from apps.tenants.selectors import tenant_by_slug
from apps.tenants.services import create_tenant, require_tenant_id, tenant_scope
from portal.tenant_file import elevations as access_specs
from portal.tenant_file import people, specs
from portal.tenant_file import scopes as scope_specs
from portal.tenant_file.errors import TenantFileError, placed
from portal.tenant_file.reading import Item, read_file


@dataclass(frozen=True)
class Visit:
    """One file on its way into a tenant.

    Who sets a tenant up gives the roles that a file names. Everybody else asks for them
    as they would by hand: `asked` names the requests that came of it.
    """

    actor: Actor
    content: Item
    is_setup: bool = True
    asked: list[uuid.UUID] = field(default_factory=list)
    # Policies that are to be retired once others approved it.
    retiring: set[str] = field(default_factory=set)


@dataclass
class Loaded:
    """The tenant, and how many items of each section it was given."""

    tenant: Tenant
    counts: dict[str, int] = field(default_factory=dict)


def load_tenant(*, actor: Actor, path: Path) -> Loaded:
    """Load a tenant's file; raises TenantFileError and then changes nothing."""
    content = read_file(path)
    with transaction.atomic():
        loaded = Loaded(_tenant(actor, content))
        with tenant_scope(loaded.tenant.pk):
            loaded.counts = load_content(Visit(actor, content))
    return loaded


def load_content(visit: Visit) -> dict[str, int]:
    """Load every section into the tenant whose scope is open, and count the items.

    The caller holds the transaction that makes it all or nothing.
    """
    return {section: load(visit) for section, load in _SECTIONS.items()}


def _tenant(actor: Actor, content: Item) -> Tenant:
    item = Item(content.value.get("tenant"), "tenant", ("slug", "name"))
    slug = item.text("slug")
    try:
        return tenant_by_slug(slug)
    except NotFoundError:
        with placed("tenant"):
            return create_tenant(actor=actor, slug=slug, name=item.text("name"))


def _calendars(visit: Visit) -> int:
    known = dict(scopes.calendars().values_list("slug", "pk"))
    items = visit.content.items("calendars", *scope_specs.CALENDAR)
    for item in items:
        with placed(item.path):
            spec = scope_specs.calendar(item)
            scope_services.save_calendar(
                actor=visit.actor, spec=spec, calendar_id=known.get(spec.slug)
            )
    return len(items)


def _windows(visit: Visit) -> int:
    known = dict(scopes.windows().values_list("slug", "pk"))
    items = visit.content.items("windows", *scope_specs.WINDOW)
    for item in items:
        with placed(item.path):
            spec = scope_specs.window(item)
            scope_services.save_window(
                actor=visit.actor, spec=spec, window_id=known.get(spec.slug)
            )
    return len(items)


def _locations(visit: Visit) -> int:
    known = dict(scopes.locations().values_list("slug", "pk"))
    items = visit.content.items("locations", *scope_specs.LOCATION)
    for item in items:
        with placed(item.path):
            spec = scope_specs.location(item)
            scope_services.save_location(
                actor=visit.actor, spec=spec, location_id=known.get(spec.slug)
            )
    return len(items)


def _resource_types(visit: Visit) -> int:
    items = visit.content.items("resource_types", "name", "description", "actions")
    for item in items:
        name = item.text("name")
        with placed(item.path):
            role_services.define_resource_type(
                actor=visit.actor, name=name, description=item.text("description", "")
            )
        for action in item.items("actions", "name", "tier", "description"):
            with placed(action.path):
                role_services.define_permission(
                    actor=visit.actor,
                    action=action.text("name"),
                    resource_type=name,
                    tier=action.text("tier"),
                    description=action.text("description", ""),
                )
    return len(items)


def _attributes(visit: Visit) -> int:
    names = ("entity_type", "name", "type", "description")
    more = ("source", "values", "freshness")
    items = visit.content.items("attributes", *names, *more)
    for item in items:
        with placed(item.path):
            role_services.define_attribute(
                actor=visit.actor,
                entity_type=item.text("entity_type"),
                name=item.text("name"),
                kind=item.text("type"),
                description=item.text("description", ""),
                limits=AttributeLimits(
                    item.text("source", AttributeSource.PORTAL),
                    item.texts("values"),
                    item.number("freshness"),
                ),
            )
    return len(items)


def _roles(visit: Visit) -> int:
    """Create roles without parents first, so that their order does not matter."""
    items = visit.content.items("roles", *specs.ROLE)
    known = {role.slug: role.pk for role in roles.roles()}
    for item in items:
        with placed(item.path):
            spec = specs.role(item, with_parents=False)
            if spec.slug not in known:
                saved = role_services.save_role(actor=visit.actor, spec=spec)
                known[saved.slug] = saved.pk
    for item in items:
        with placed(item.path):
            spec = specs.role(item)
            role_services.save_role(
                actor=visit.actor, spec=spec, role_id=known[spec.slug]
            )
    return len(items)


def _resources(visit: Visit) -> int:
    known = {(r.type, r.key): r.pk for r in roles.resources()}
    groups = visit.content.items(
        "resource_groups", "key", "name", "owners", "attributes"
    )
    items = visit.content.items("resources", *specs.RESOURCE)
    for item in [*groups, *items]:
        with placed(item.path):
            spec = specs.resource(item)
            saved = role_services.save_resource(
                actor=visit.actor,
                spec=spec,
                resource_id=known.get((spec.ref.type, spec.ref.id)),
            )
            known[spec.ref.type, spec.ref.id] = saved.pk
    return len(groups) + len(items)


def _principals(visit: Visit) -> int:
    known = {(p.type, p.key): p.pk for p in roles.principals()}
    items = visit.content.items("principals", *specs.PRINCIPAL)
    for item in items:
        with placed(item.path):
            spec = specs.principal(item)
            role_services.save_principal(
                actor=visit.actor,
                spec=spec,
                principal_id=known.get((spec.ref.type, spec.ref.id)),
            )
    return len(items)


def _assignments(visit: Visit) -> int:
    held = {specs.assignment_key(row) for row in roles.assignments()}
    wanted = [
        (item.at("roles"), spec)
        for item in visit.content.items("principals", *specs.PRINCIPAL)
        for spec in specs.standing(item)
    ]
    wanted += [
        (item.path, specs.assignment(item))
        for item in visit.content.items("assignments", *specs.ASSIGNMENT)
    ]
    for path, spec in wanted:
        if specs.spec_key(spec) not in held:
            with placed(path):
                _assign(visit, spec)
    return len(wanted)


def _assign(visit: Visit, spec: AssignmentSpec) -> None:
    if not visit.is_setup:
        asked = spec if spec.reason else replace(spec, reason="As the file says.")
        request = approvals.request_assignment(actor=visit.actor, spec=asked)
        visit.asked.append(request.pk)
        return
    given = replace(
        spec, workflow=Workflow.SETUP.value, workflow_id=require_tenant_id()
    )
    role_services.assign_role(actor=visit.actor, spec=given)


def _policies(visit: Visit) -> int:
    known = dict(policies.policies().values_list("slug", "pk"))
    catalogue = policies.catalogue()
    items = visit.content.items("policies", *specs.POLICY)
    for item in items:
        slug = item.text("slug")
        with placed(item.path):
            policy_services.save_draft(
                actor=visit.actor,
                policy_id=known.get(slug),
                content={k: v for k, v in item.value.items() if k != "slug"},
                expected_lock=None,
                slug=slug,
                catalogue=catalogue,
            )
    return len(items)


def _users(visit: Visit) -> int:
    items = visit.content.items("users", *specs.USER)
    if items and not visit.is_setup:
        raise TenantFileError.at(
            "users",
            "people",
            "People are not made by a file.",
            "Take “users” out of it, and invite them in the console.",
        )
    for item in items:
        username = item.text("username")
        with placed(item.path):
            try:
                user = accounts.user_by_username(username)
            except NotFoundError:
                user = accounts_services.create_user(
                    actor=visit.actor,
                    username=username,
                    display_name=item.text("display_name"),
                    email=item.text("email", ""),
                    is_demo=item.flag("demo"),
                )
            wanted = sorted(set(item.texts("roles")))
            if sorted(accounts.roles_in_scope(user)) != wanted:
                accounts_services.grant_membership(
                    actor=visit.actor, user=user, roles=wanted
                )
            principal = roles.principals().filter(type="User", key=username).first()
            if principal is not None:
                role_services.link_person(
                    actor=visit.actor, principal_id=principal.pk, user_id=user.pk
                )
    return len(items)


def _eligibilities(visit: Visit) -> int:
    known = dict(elevations.eligibilities().values_list("purpose", "pk"))
    items = visit.content.items("eligibilities", *access_specs.ELIGIBILITY)
    for item in items:
        with placed(item.path):
            spec = access_specs.eligibility(item)
            elevation_services.save_eligibility(
                actor=visit.actor, spec=spec, eligibility_id=known.get(spec.purpose)
            )
    return len(items)


def _node_groups(visit: Visit) -> int:
    items = visit.content.items("node_groups", "slug", "name")
    for item in items:
        with placed(item.path):
            nodes.ensure_group(
                actor=visit.actor, slug=item.text("slug"), name=item.text("name")
            )
    return len(items)


def _samples(visit: Visit) -> int:
    return len(specs.samples(visit.content))


_SECTIONS: dict[str, Callable[[Visit], int]] = {
    "node_groups": _node_groups,
    "calendars": _calendars,
    "windows": _windows,
    "locations": _locations,
    "resource_types": _resource_types,
    "attributes": _attributes,
    "roles": _roles,
    "resources": _resources,
    "principals": _principals,
    "owners": lambda visit: people.owners(visit.actor, visit.content),
    "managers": lambda visit: people.managers(visit.actor, visit.content),
    "groups": lambda visit: people.groups(visit.actor, visit.content),
    "separations": lambda visit: people.separations(visit.actor, visit.content),
    "assignments": _assignments,
    "policies": _policies,
    "users": _users,
    "eligibilities": _eligibilities,
    "flows": lambda visit: people.flows(visit.actor, visit.content),
    "samples": _samples,
}
