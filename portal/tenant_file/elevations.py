"""Turn what people may ask for into what the services take."""

from __future__ import annotations

import uuid

from apps.elevations.rules import EligibilitySpec
from apps.roles.models import Principal, PrincipalGroup, Resource, Role
from portal.tenant_file.errors import TenantFileError
from portal.tenant_file.reading import Item
from portal.tenant_file.specs import entity
from protocol.records import EntityRef

ELIGIBILITY = (
    *("purpose", "role", "for", "scope", "max_minutes", "ticket_pattern"),
    "withdrawn",
)


def eligibility(item: Item) -> EligibilitySpec:
    """Return an offer; `for` names a principal, a Role::slug or a Group::slug."""
    target = entity(item.text("for"), item.at("for"))
    scope = item.text("scope", "")
    is_role, is_group = target.type == "Role", target.type == "Group"
    return EligibilitySpec(
        purpose=item.text("purpose"),
        role=_role(item.text("role"), item.at("role")),
        max_minutes=_minutes(item),
        principal=None if is_role or is_group else _principal(target, item.at("for")),
        group=_group(target.id, item.at("for")) if is_group else None,
        holders=_role(target.id, item.at("for")) if is_role else None,
        scope=_resource(entity(scope, item.at("scope")), item.at("scope"))
        if scope
        else None,
        ticket_pattern=item.text("ticket_pattern", ""),
        is_active=not item.flag("withdrawn"),
    )


def _minutes(item: Item) -> int:
    value = item.value.get("max_minutes")
    if not isinstance(value, int) or isinstance(value, bool):
        raise TenantFileError.at(
            item.at("max_minutes"),
            "type",
            f"“{value}” is no number of minutes.",
            "Write a whole number.",
        )
    return value


def _role(slug: str, path: str) -> uuid.UUID:
    row = Role.objects.filter(slug=slug).first()
    if row is None:
        raise _unknown(f"role “{slug}”", path)
    return row.pk


def _group(slug: str, path: str) -> uuid.UUID:
    row = PrincipalGroup.objects.filter(slug=slug).first()
    if row is None:
        raise _unknown(f"group “{slug}”", path)
    return row.pk


def _principal(ref: EntityRef, path: str) -> uuid.UUID:
    row = Principal.objects.filter(type=ref.type, key=ref.id).first()
    if row is None:
        raise _unknown(f"principal {ref}", path)
    return row.pk


def _resource(ref: EntityRef, path: str) -> uuid.UUID:
    row = Resource.objects.filter(type=ref.type, key=ref.id).first()
    if row is None:
        raise _unknown(f"resource {ref}", path)
    return row.pk


def _unknown(what: str, path: str) -> TenantFileError:
    return TenantFileError.at(
        path, "unknown", f"There is no {what}.", "Name one that stands in the file."
    )
