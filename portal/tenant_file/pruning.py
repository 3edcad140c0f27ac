"""Remove what a file leaves out, in an order that respects what refers to what.

Every removal goes through the service that the console uses, with its checks. What
others have to approve is asked for; what something refers to refuses the whole file.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from apps.approvals import selectors as approvals
from apps.approvals import services as approval_services
from apps.approvals.choices import ItemKind
from apps.approvals.models import RequestItem
from apps.elevations import selectors as elevations
from apps.elevations import services as elevation_services
from apps.nodes import selectors as nodes
from apps.nodes import services as node_services
from apps.nodes.errors import NodeGroupUsedError
from apps.policies import selectors as policies
from apps.policies import services as policy_services
from apps.policies.choices import Act, PolicyState
from apps.policies.errors import PolicyStateError, RequestNeededError
from apps.policies.models import Policy
from apps.roles import selectors as roles
from apps.roles import services
from apps.roles.choices import AssignmentSource
from apps.roles.models import RESOURCE_GROUP
from apps.scopes import selectors as scopes
from apps.scopes import services as scope_services
from portal.tenant_file import specs
from portal.tenant_file.errors import placed
from portal.tenant_file.loading import Visit

REASON = "Left out of the tenant's file."
_TITLE = "Retire what the file leaves out"


def prune(visit: Visit) -> None:
    """Remove everything that a file could say and does not.

    The caller holds the transaction, and has loaded the file. Raises TenantFileError
    for what cannot be removed.
    """
    for section, remove in _SECTIONS:
        with placed(section):
            remove(visit)
    _check_policies()


def _policies(visit: Visit) -> None:
    waiting = []
    keep = _slugs(visit, "policies")
    left_out = Policy.objects.exclude(slug__in=keep).order_by("slug")
    for policy in left_out.exclude(state=PolicyState.RETIRED):
        with placed(f"policies: {policy.slug}"):
            if policy.state == PolicyState.DRAFT:
                _discard(visit, policy)
            elif not _retire(visit, policy):
                waiting.append(policy.slug)
    if waiting:
        _ask(visit, waiting)


def _discard(visit: Visit, policy: Policy) -> None:
    asked = RequestItem.objects.filter(policy_id=policy.pk, request__state="open")
    if asked.exists():
        raise PolicyStateError(
            f"“{policy}” is proposed.", remedy="Withdraw the request first."
        )
    policy_services.discard_policy(actor=visit.actor, policy_id=policy.pk)


def _retire(visit: Visit, policy: Policy) -> bool:
    """Retire a policy, or say that others have to approve it."""
    try:
        policy_services.retire_policy(
            actor=visit.actor,
            policy_id=policy.pk,
            reason=REASON,
            request_id=None,
            confirmed=policy.slug,
        )
    except RequestNeededError:
        return False
    return True


def _ask(visit: Visit, slugs: Iterable[str]) -> None:
    row = approval_services.create_change_set(
        actor=visit.actor, title=_TITLE, reason=REASON
    )
    for slug in slugs:
        with placed(f"policies: {slug}"):
            approval_services.put_change(
                actor=visit.actor,
                set_id=row.pk,
                kind=ItemKind.POLICY_STATE,
                slug=slug,
                content={"act": str(Act.RETIRE), "reason": REASON},
            )
        visit.retiring.add(slug)
    with placed("policies"):
        request = approval_services.submit_change_set(actor=visit.actor, set_id=row.pk)
    visit.asked.append(request.pk)


def _flows(visit: Visit) -> None:
    keep = {(one["kind"], one["name"]) for one in _items(visit, "flows")}
    for row in list(approvals.flows()):
        if (row.kind, row.name) not in keep:
            with placed(f"flows: {row.name}"):
                approval_services.remove_flow(actor=visit.actor, flow_id=row.pk)


def _eligibilities(visit: Visit) -> None:
    keep = {one["purpose"] for one in _items(visit, "eligibilities")}
    _each(
        "eligibilities",
        {row.purpose: row.pk for row in elevations.eligibilities()},
        keep,
        lambda pk: elevation_services.remove_eligibility(
            actor=visit.actor, eligibility_id=pk
        ),
    )


def _assignments(visit: Visit) -> None:
    keep = {
        specs.spec_key(spec)
        for item in visit.content.items("principals", *specs.PRINCIPAL)
        for spec in specs.standing(item)
    } | {
        specs.spec_key(specs.assignment(item))
        for item in visit.content.items("assignments", *specs.ASSIGNMENT)
    }
    standing = roles.assignments().filter(source=AssignmentSource.STANDING)
    for row in list(standing):
        if specs.assignment_key(row) not in keep:
            with placed(f"assignments: {row}"):
                services.revoke_assignment(
                    actor=visit.actor, assignment_id=row.pk, reason=REASON
                )


def _separations(visit: Visit) -> None:
    _each(
        "separations",
        {row.slug: row.pk for row in roles.separations()},
        _slugs(visit, "separations"),
        lambda pk: services.remove_separation(actor=visit.actor, separation_id=pk),
    )


def _groups(visit: Visit) -> None:
    _each(
        "groups",
        {row.slug: row.pk for row in roles.groups()},
        _slugs(visit, "groups"),
        lambda pk: services.remove_group(actor=visit.actor, group_id=pk),
    )


def _links(visit: Visit) -> None:
    """Take away owners and managers of whom the file names none."""
    known = {(row.type, row.key): row.pk for row in roles.resources()}
    for section in ("resources", "resource_groups"):
        for one in _items(visit, section):
            if "owners" not in one:
                services.set_owners(
                    actor=visit.actor,
                    resource_id=known[one.get("type", RESOURCE_GROUP), one["key"]],
                    owners=(),
                )
    managed = {
        (one["type"], one["key"])
        for one in _items(visit, "principals")
        if "manager" in one
    }
    for row in roles.principals().filter(manager__isnull=False):
        if (row.type, row.key) not in managed:
            services.set_manager(actor=visit.actor, principal_id=row.pk, manager=None)


def _resources(visit: Visit) -> None:
    keep = {(one["type"], one["key"]) for one in _items(visit, "resources")}
    keep |= {(RESOURCE_GROUP, one["key"]) for one in _items(visit, "resource_groups")}
    known = {(row.type, row.key): row.pk for row in roles.resources()}
    # A group is empty once what it holds is gone.
    ordered = sorted(known.items(), key=lambda pair: pair[0][0] == RESOURCE_GROUP)
    _each(
        "resources",
        dict(ordered),
        keep,
        lambda pk: services.remove_resource(actor=visit.actor, resource_id=pk),
    )


def _principals(visit: Visit) -> None:
    _each(
        "principals",
        {(row.type, row.key): row.pk for row in roles.principals()},
        {(one["type"], one["key"]) for one in _items(visit, "principals")},
        lambda pk: services.remove_principal(actor=visit.actor, principal_id=pk),
    )


def _roles(visit: Visit) -> None:
    """Remove roles, the ones that inherit before the ones that they inherit from."""
    keep = _slugs(visit, "roles")
    known = {row.slug: row.pk for row in roles.roles()}
    graph = roles.role_specs()
    heirs_first: list[str] = []

    def walk(slug: str) -> None:
        for child in sorted(graph):
            if slug in graph[child].parents:
                walk(child)
        if slug not in heirs_first:
            heirs_first.append(slug)

    for slug in sorted(graph):
        walk(slug)
    _each(
        "roles",
        {slug: known[slug] for slug in heirs_first},
        keep,
        lambda pk: services.remove_role(actor=visit.actor, role_id=pk),
    )


def _attributes(visit: Visit) -> None:
    keep = {(one["entity_type"], one["name"]) for one in _items(visit, "attributes")}
    for row in list(roles.attribute_definitions()):
        if (row.entity_type, row.name) not in keep:
            with placed(f"attributes: {row}"):
                services.remove_attribute(
                    actor=visit.actor, entity_type=row.entity_type, name=row.name
                )


def _catalogue(visit: Visit) -> None:
    keep = {
        one["name"]: {action["name"] for action in one.get("actions") or []}
        for one in _items(visit, "resource_types")
    }
    for row in list(roles.permissions()):
        if row.action not in keep.get(row.resource_type.name, set()):
            with placed(f"resource_types: {row}"):
                services.remove_permission(actor=visit.actor, row=row)
    for kind in list(roles.resource_types()):
        if kind.name not in keep:
            with placed(f"resource_types: {kind}"):
                services.remove_resource_type(actor=visit.actor, row=kind)


def _scopes(visit: Visit) -> None:
    actor = visit.actor
    _each(
        "windows",
        dict(scopes.windows().values_list("slug", "pk")),
        _slugs(visit, "windows"),
        lambda pk: scope_services.delete_window(actor=actor, window_id=pk),
    )
    _each(
        "locations",
        dict(scopes.locations().values_list("slug", "pk")),
        _slugs(visit, "locations"),
        lambda pk: scope_services.delete_location(actor=actor, location_id=pk),
    )
    _each(
        "calendars",
        dict(scopes.calendars().values_list("slug", "pk")),
        _slugs(visit, "calendars"),
        lambda pk: scope_services.delete_calendar(actor=actor, calendar_id=pk),
    )


def _node_groups(visit: Visit) -> None:
    keep = _slugs(visit, "node_groups")
    named = {slug for row in scopes.locations() for slug in row.node_groups}
    for row in list(nodes.groups()):
        if row.slug not in keep:
            with placed(f"node_groups: {row.slug}"):
                if row.slug in named:
                    raise NodeGroupUsedError
                node_services.remove_group(actor=visit.actor, slug=row.slug)


def _check_policies() -> None:
    """Refuse to take away what a policy names that stays."""
    catalogue = policies.catalogue()
    for version in policies.live_versions():
        slug = version.policy.slug
        with placed(f"policies: {slug}"):
            policy_services.compile_content(version.content, catalogue, slug)


def _each(
    section: str,
    known: Mapping[Any, uuid.UUID],
    keep: Iterable[Any],
    remove: Callable[[uuid.UUID], object],
) -> None:
    kept = set(keep)
    for name, pk in known.items():
        if name not in kept:
            words = "::".join(name) if isinstance(name, tuple) else name
            with placed(f"{section}: {words}"):
                remove(pk)


def _items(visit: Visit, section: str) -> list[dict[str, Any]]:
    """Return the items of a section, which loading has checked before."""
    found: list[dict[str, Any]] = visit.content.value.get(section) or []
    return found


def _slugs(visit: Visit, section: str) -> set[str]:
    return {str(one["slug"]) for one in _items(visit, section)}


_SECTIONS: tuple[tuple[str, Callable[[Visit], None]], ...] = (
    ("policies", _policies),
    ("flows", _flows),
    ("eligibilities", _eligibilities),
    ("assignments", _assignments),
    ("separations", _separations),
    ("groups", _groups),
    ("resources", _links),
    ("resources", _resources),
    ("principals", _principals),
    ("roles", _roles),
    ("attributes", _attributes),
    ("resource_types", _catalogue),
    ("windows", _scopes),
    ("node_groups", _node_groups),
)
