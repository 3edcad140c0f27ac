"""Turn items of a file into what the services take."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from apps.policies.rules import PolicyContent
from apps.roles.models import RESOURCE_GROUP, Assignment
from apps.roles.rules import (
    AssignmentSpec,
    EntrySpec,
    GroupSpec,
    RoleSpec,
    SeparationSpec,
)
from portal.tenant_file.errors import TenantFileError
from portal.tenant_file.reading import Item
from protocol.records import EntityRef, Permission

ROLE = ("slug", "name", "description", "tier", "permissions", "parents")
RESOURCE = ("type", "key", "name", "attributes", "groups", "owners")
PRINCIPAL = ("type", "key", "name", "attributes", "roles", "manager")
GROUP = ("slug", "name", "members")
SEPARATION = ("slug", "name", "kind", "roles", "limit", "owner", "inactive")
ASSIGNMENT = ("principal", "role", "scope", "start", "end", "source", "reason")
POLICY = ("slug", *(field.name for field in fields(PolicyContent)))
USER = ("username", "display_name", "email", "roles", "demo")
SAMPLE = ("principal", "action", "resource", "context", "at", "expect")


@dataclass(frozen=True)
class Sample:
    """A question with the answer that the policies must give.

    With `at` it is about that instant, so only the engine can be asked; without, a node
    can be asked at any time.
    """

    principal: EntityRef
    action: str
    resource: EntityRef
    context: dict[str, Any]
    at: dt.datetime | None
    is_permitted: bool


def role(item: Item, *, with_parents: bool = True) -> RoleSpec:
    """Return a role; permissions are written as actions by resource type."""
    permissions = Item(item.mapping("permissions"), item.at("permissions"), _any(item))
    return RoleSpec(
        slug=item.text("slug"),
        name=item.text("name"),
        tier=item.text("tier"),
        description=item.text("description", ""),
        permissions=tuple(
            Permission(action, kind)
            for kind in permissions.value
            for action in permissions.texts(kind)
        ),
        parents=item.texts("parents") if with_parents else (),
    )


def resource(item: Item) -> EntrySpec:
    """Return a resource, or a group when the item has no type."""
    kind = item.text("type", RESOURCE_GROUP)
    return EntrySpec(
        EntityRef(kind, item.text("key")),
        name=item.text("name", ""),
        attributes=item.mapping("attributes"),
        groups=item.texts("groups"),
    )


def principal(item: Item) -> EntrySpec:
    """Return a user or service."""
    return EntrySpec(
        EntityRef(item.text("type"), item.text("key")),
        name=item.text("name", ""),
        attributes=item.mapping("attributes"),
    )


def group(item: Item) -> GroupSpec:
    """Return a group of principals."""
    return GroupSpec(item.text("slug"), item.text("name"), tuple(refs(item, "members")))


def separation(item: Item) -> tuple[SeparationSpec, EntityRef]:
    """Return roles that are kept apart, and who answers for that."""
    spec = SeparationSpec(
        slug=item.text("slug"),
        name=item.text("name"),
        kind=item.text("kind"),
        roles=item.texts("roles"),
        limit=item.number("limit") or 1,
        is_active=not item.flag("inactive"),
    )
    return spec, entity(item.text("owner"), item.at("owner"))


def refs(item: Item, name: str) -> list[EntityRef]:
    """Return a list of entities that are written as Type::key."""
    return [entity(text, item.at(name)) for text in item.texts(name)]


def standing(item: Item) -> Iterator[AssignmentSpec]:
    """Yield the roles that a principal holds everywhere and always."""
    ref = EntityRef(item.text("type"), item.text("key"))
    for slug in item.texts("roles"):
        yield AssignmentSpec(ref, slug)


def assignment(item: Item) -> AssignmentSpec:
    """Return an assignment with a scope, a time or a reason of its own."""
    scope = item.text("scope", "")
    return AssignmentSpec(
        principal=entity(item.text("principal"), item.at("principal")),
        role=item.text("role"),
        scope=entity(scope, item.at("scope")) if scope else None,
        start=_instant(item, "start"),
        end=_instant(item, "end"),
        source=item.text("source", "standing"),
        reason=item.text("reason", ""),
    )


def spec_key(spec: AssignmentSpec) -> tuple[object, ...]:
    """Return what makes an assignment the same as another one."""
    times = () if spec.source == "standing" else (spec.start, spec.end)
    return (spec.principal, spec.role, spec.scope, spec.source, *times)


def assignment_key(row: Assignment) -> tuple[object, ...]:
    """Return the same of an assignment that exists."""
    scope = EntityRef(row.scope.type, row.scope.key) if row.scope else None
    return spec_key(
        AssignmentSpec(
            EntityRef(row.principal.type, row.principal.key),
            row.role.slug,
            scope,
            row.start,
            row.end,
            row.source,
        )
    )


def samples(content: Item) -> list[Sample]:
    """Return the sample decisions of a file."""
    found = []
    for item in content.items("samples", *SAMPLE):
        expect = item.text("expect")
        if expect not in {"permit", "deny"}:
            raise TenantFileError.at(
                item.at("expect"),
                "expectation",
                f"“{expect}” is no decision.",
                "Write permit or deny.",
            )
        found.append(
            Sample(
                entity(item.text("principal"), item.at("principal")),
                item.text("action"),
                entity(item.text("resource"), item.at("resource")),
                item.mapping("context"),
                _instant(item, "at"),
                expect == "permit",
            )
        )
    return found


def entity(text: str, path: str) -> EntityRef:
    """Return the entity that is written as Type::key; raises TenantFileError."""
    kind, separator, key = text.partition("::")
    if not separator or not kind or not key:
        raise TenantFileError.at(
            path, "entity", f"“{text}” names no entity.", "Write Type::key."
        )
    return EntityRef(kind, key)


def _instant(item: Item, name: str) -> dt.datetime | None:
    text = item.text(name, "")
    try:
        moment = dt.datetime.fromisoformat(text) if text else None
    except ValueError:
        moment = None
    if text and (moment is None or moment.tzinfo is None):
        raise TenantFileError.at(
            item.at(name),
            "instant",
            f"“{text}” is no instant.",
            "Write 2026-12-31T12:00:00Z.",
        )
    return moment


def _any(item: Item) -> tuple[str, ...]:
    return tuple(item.mapping("permissions"))
