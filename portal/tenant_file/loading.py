"""Load what a file says into a tenant, in one transaction.

Loading twice changes nothing; loading a changed file changes what differs. Nothing is
removed: what a file leaves out may have been made in the UI.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from django.db import transaction

from apps.accounts import selectors as accounts
from apps.accounts import services as people
from apps.audit.events import Actor
from apps.core.errors import NotFoundError, PortwardError
from apps.elevations import selectors as elevations
from apps.elevations import services as elevation_services
from apps.nodes import services as nodes
from apps.policies import selectors as policies
from apps.policies import services as policy_services
from apps.roles import selectors as roles
from apps.roles import services as role_services
from apps.roles.choices import AttributeSource, Workflow
from apps.roles.rules import AttributeLimits
from apps.scopes import selectors as scopes
from apps.scopes import services as scope_services
from apps.tenants.models import Tenant
from apps.tenants.selectors import tenant_by_slug
from apps.tenants.services import create_tenant, require_tenant_id, tenant_scope
from portal.tenant_file import elevations as access_specs
from portal.tenant_file import scopes as scope_specs
from portal.tenant_file import specs
from portal.tenant_file.errors import TenantFileError
from portal.tenant_file.reading import Item, read_file


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
            for section, load in _SECTIONS.items():
                loaded.counts[section] = load(actor, content)
    return loaded


def _tenant(actor: Actor, content: Item) -> Tenant:
    item = Item(content.value.get("tenant"), "tenant", ("slug", "name"))
    slug = item.text("slug")
    try:
        return tenant_by_slug(slug)
    except NotFoundError:
        with _placed("tenant"):
            return create_tenant(actor=actor, slug=slug, name=item.text("name"))


def _calendars(actor: Actor, content: Item) -> int:
    known = dict(scopes.calendars().values_list("slug", "pk"))
    items = content.items("calendars", *scope_specs.CALENDAR)
    for item in items:
        with _placed(item.path):
            spec = scope_specs.calendar(item)
            scope_services.save_calendar(
                actor=actor, spec=spec, calendar_id=known.get(spec.slug)
            )
    return len(items)


def _windows(actor: Actor, content: Item) -> int:
    known = dict(scopes.windows().values_list("slug", "pk"))
    items = content.items("windows", *scope_specs.WINDOW)
    for item in items:
        with _placed(item.path):
            spec = scope_specs.window(item)
            scope_services.save_window(
                actor=actor, spec=spec, window_id=known.get(spec.slug)
            )
    return len(items)


def _locations(actor: Actor, content: Item) -> int:
    known = dict(scopes.locations().values_list("slug", "pk"))
    items = content.items("locations", *scope_specs.LOCATION)
    for item in items:
        with _placed(item.path):
            spec = scope_specs.location(item)
            scope_services.save_location(
                actor=actor, spec=spec, location_id=known.get(spec.slug)
            )
    return len(items)


def _resource_types(actor: Actor, content: Item) -> int:
    items = content.items("resource_types", "name", "description", "actions")
    for item in items:
        name = item.text("name")
        with _placed(item.path):
            role_services.define_resource_type(
                actor=actor, name=name, description=item.text("description", "")
            )
        for action in item.items("actions", "name", "tier", "description"):
            with _placed(action.path):
                role_services.define_permission(
                    actor=actor,
                    action=action.text("name"),
                    resource_type=name,
                    tier=action.text("tier"),
                    description=action.text("description", ""),
                )
    return len(items)


def _attributes(actor: Actor, content: Item) -> int:
    names = ("entity_type", "name", "type", "description")
    more = ("source", "values", "freshness")
    items = content.items("attributes", *names, *more)
    for item in items:
        with _placed(item.path):
            role_services.define_attribute(
                actor=actor,
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


def _roles(actor: Actor, content: Item) -> int:
    """Create roles without parents first, so that their order does not matter."""
    items = content.items("roles", *specs.ROLE)
    known = {role.slug: role.pk for role in roles.roles()}
    for item in items:
        with _placed(item.path):
            spec = specs.role(item, with_parents=False)
            if spec.slug not in known:
                saved = role_services.save_role(actor=actor, spec=spec)
                known[saved.slug] = saved.pk
    for item in items:
        with _placed(item.path):
            spec = specs.role(item)
            role_services.save_role(actor=actor, spec=spec, role_id=known[spec.slug])
    return len(items)


def _resources(actor: Actor, content: Item) -> int:
    known = {(r.type, r.key): r.pk for r in roles.resources()}
    groups = content.items("resource_groups", "key", "name")
    items = content.items("resources", *specs.RESOURCE)
    for item in [*groups, *items]:
        with _placed(item.path):
            spec = specs.resource(item)
            role_services.save_resource(
                actor=actor,
                spec=spec,
                resource_id=known.get((spec.ref.type, spec.ref.id)),
            )
    return len(groups) + len(items)


def _principals(actor: Actor, content: Item) -> int:
    known = {(p.type, p.key): p.pk for p in roles.principals()}
    items = content.items("principals", *specs.PRINCIPAL)
    for item in items:
        with _placed(item.path):
            spec = specs.principal(item)
            role_services.save_principal(
                actor=actor,
                spec=spec,
                principal_id=known.get((spec.ref.type, spec.ref.id)),
            )
    return len(items)


def _assignments(actor: Actor, content: Item) -> int:
    held = {specs.assignment_key(row) for row in roles.assignments()}
    wanted = [
        (item.at("roles"), spec)
        for item in content.items("principals", *specs.PRINCIPAL)
        for spec in specs.standing(item)
    ]
    wanted += [
        (item.path, specs.assignment(item))
        for item in content.items("assignments", *specs.ASSIGNMENT)
    ]
    for path, spec in wanted:
        if specs.spec_key(spec) not in held:
            with _placed(path):
                role_services.assign_role(
                    actor=actor,
                    spec=replace(
                        spec,
                        workflow=Workflow.SETUP.value,
                        workflow_id=require_tenant_id(),
                    ),
                )
    return len(wanted)


def _policies(actor: Actor, content: Item) -> int:
    known = dict(policies.policies().values_list("slug", "pk"))
    catalogue = policies.catalogue()
    items = content.items("policies", *specs.POLICY)
    for item in items:
        slug = item.text("slug")
        with _placed(item.path):
            policy_services.save_draft(
                actor=actor,
                policy_id=known.get(slug),
                content={k: v for k, v in item.value.items() if k != "slug"},
                expected_lock=None,
                slug=slug,
                catalogue=catalogue,
            )
    return len(items)


def _users(actor: Actor, content: Item) -> int:
    items = content.items("users", *specs.USER)
    for item in items:
        username = item.text("username")
        with _placed(item.path):
            try:
                user = accounts.user_by_username(username)
            except NotFoundError:
                user = people.create_user(
                    actor=actor,
                    username=username,
                    display_name=item.text("display_name"),
                    email=item.text("email", ""),
                    is_demo=item.flag("demo"),
                )
            wanted = sorted(set(item.texts("roles")))
            if sorted(accounts.roles_in_scope(user)) != wanted:
                people.grant_membership(actor=actor, user=user, roles=wanted)
            principal = roles.principals().filter(type="User", key=username).first()
            if principal is not None:
                role_services.link_person(
                    actor=actor, principal_id=principal.pk, user_id=user.pk
                )
    return len(items)


def _eligibilities(actor: Actor, content: Item) -> int:
    known = dict(elevations.eligibilities().values_list("purpose", "pk"))
    items = content.items("eligibilities", *access_specs.ELIGIBILITY)
    for item in items:
        with _placed(item.path):
            spec = access_specs.eligibility(item)
            elevation_services.save_eligibility(
                actor=actor, spec=spec, eligibility_id=known.get(spec.purpose)
            )
    return len(items)


def _node_groups(actor: Actor, content: Item) -> int:
    items = content.items("node_groups", "slug", "name")
    for item in items:
        with _placed(item.path):
            nodes.ensure_group(
                actor=actor, slug=item.text("slug"), name=item.text("name")
            )
    return len(items)


def _samples(_actor: Actor, content: Item) -> int:
    return len(specs.samples(content))


_SECTIONS: dict[str, Callable[[Actor, Item], int]] = {
    "calendars": _calendars,
    "windows": _windows,
    "locations": _locations,
    "resource_types": _resource_types,
    "attributes": _attributes,
    "roles": _roles,
    "resources": _resources,
    "principals": _principals,
    "assignments": _assignments,
    "policies": _policies,
    "users": _users,
    "eligibilities": _eligibilities,
    "node_groups": _node_groups,
    "samples": _samples,
}


@contextlib.contextmanager
def _placed(path: str) -> Iterator[None]:
    """Say where in the file a refusal belongs."""
    try:
        yield
    except TenantFileError:
        raise
    except PortwardError as error:
        raise TenantFileError.of(path, error) from error
