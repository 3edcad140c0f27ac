"""Load who belongs together, who answers for what, and who decides."""

from __future__ import annotations

from collections.abc import Iterator

from apps.approvals import rules as flow_rules
from apps.approvals import selectors as approvals
from apps.approvals import services as approval_services
from apps.audit.events import Actor
from apps.roles import selectors as roles
from apps.roles import services
from portal.tenant_file import specs
from portal.tenant_file.errors import placed
from portal.tenant_file.reading import Item
from protocol.records import EntityRef

FLOW = ("v", "name", "kind", "order", "is_active", "match", "stages")


def groups(actor: Actor, content: Item) -> int:
    """Load groups of principals."""
    known = dict(roles.groups().values_list("slug", "pk"))
    items = content.items("groups", *specs.GROUP)
    for item in items:
        with placed(item.path):
            spec = specs.group(item)
            services.save_group(actor=actor, spec=spec, group_id=known.get(spec.slug))
    return len(items)


def separations(actor: Actor, content: Item) -> int:
    """Load the sets of roles that are kept apart."""
    known = dict(roles.separations().values_list("slug", "pk"))
    items = content.items("separations", *specs.SEPARATION)
    for item in items:
        with placed(item.path):
            spec, owner = specs.separation(item)
            services.save_separation(
                actor=actor, spec=spec, owner=owner, separation_id=known.get(spec.slug)
            )
    return len(items)


def managers(actor: Actor, content: Item) -> int:
    """Load to whom people report; who a file does not say it of keeps theirs."""
    known = {(row.type, row.key): row.pk for row in roles.principals()}
    told = [
        item
        for item in content.items("principals", *specs.PRINCIPAL)
        if "manager" in item.value
    ]
    for item in told:
        with placed(item.path):
            services.set_manager(
                actor=actor,
                principal_id=known[item.text("type"), item.text("key")],
                manager=specs.entity(item.text("manager"), item.at("manager")),
            )
    return len(told)


def owners(actor: Actor, content: Item) -> int:
    """Load who answers for resources; the ones of others stay as they are."""
    known = {(row.type, row.key): row.pk for row in roles.resources()}
    count = 0
    for item in _resources(content):
        if "owners" not in item.value:
            continue
        with placed(item.path):
            ref: EntityRef = specs.resource(item).ref
            services.set_owners(
                actor=actor,
                resource_id=known[ref.type, ref.id],
                owners=specs.refs(item, "owners"),
            )
        count += 1
    return count


def flows(actor: Actor, content: Item) -> int:
    """Load approval flows."""
    known = {(row.kind, row.name): row.pk for row in approvals.flows()}
    items = content.items("flows", *FLOW)
    for item in items:
        with placed(item.path):
            spec = flow_rules.parse_spec({"match": {}, **item.value})
            flow_id = known.get((str(spec.kind), spec.name))
            approval_services.save_flow(actor=actor, flow_id=flow_id, spec=spec)
    return len(items)


def _resources(content: Item) -> Iterator[Item]:
    yield from content.items("resource_groups", "key", "name", "owners", "attributes")
    yield from content.items("resources", *specs.RESOURCE)
