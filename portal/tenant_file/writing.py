"""Write what a tenant is configured to be as a file, in one canonical form.

Reading the file back into a tenant that says the same changes nothing, and two tenants
that say the same give the same bytes: items are sorted, and what says nothing is left
out. People, their proofs, and what was granted for a time are no configuration.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

import yaml

from apps.approvals import selectors as approvals
from apps.elevations import selectors as elevations
from apps.elevations.models import Eligibility
from apps.nodes import selectors as nodes
from apps.policies import selectors as policies
from apps.policies.choices import PolicyState
from apps.roles import selectors as roles
from apps.roles.choices import AssignmentSource, AttributeSource
from apps.roles.models import RESOURCE_GROUP, Assignment, Principal, Resource
from apps.roles.rules import RoleSpec
from apps.scopes import selectors as scopes
from apps.scopes.choices import WindowKind
from apps.scopes.models import HolidayCalendar, Location, TimeWindow
from apps.scopes.rules import degrees_text, time_text
from portal.tenant_file.scopes import DAYS
from protocol.canonical import digest

_DOMAIN = "portward-tenant-file-v1"

Content = dict[str, list[dict[str, Any]]]


class Side(StrEnum):
    """Which text of a policy a file holds: what nodes run, or what is being written."""

    LIVE = "live"
    DRAFT = "draft"


def tenant_content(side: Side = Side.LIVE) -> Content:
    """Return the configuration of the tenant whose scope is open, by section."""
    found = {
        "calendars": [_calendar(row) for row in scopes.calendars()],
        "windows": [_window(row) for row in scopes.windows()],
        "locations": [_location(row) for row in scopes.locations()],
        "resource_types": _resource_types(),
        "attributes": _attributes(),
        "roles": [_role(spec) for spec in roles.role_specs().values()],
        "separations": _separations(),
        "principals": _principals(),
        "groups": _groups(),
        "resource_groups": _resources(are_groups=True),
        "resources": _resources(are_groups=False),
        "assignments": [_assignment(row) for row in _standing()],
        "node_groups": _node_groups(),
        "eligibilities": [_eligibility(row) for row in elevations.eligibilities()],
        "flows": [approvals.spec_of(row).to_dict() for row in approvals.flows()],
        "policies": _policies(side),
    }
    return {
        name: sorted((_said(item) for item in items), key=_order)
        for name, items in found.items()
        if items
    }


def tenant_yaml(content: Content) -> str:
    """Return the canonical text of a configuration."""
    return yaml.safe_dump(
        content, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
    )


def content_digest(content: Content) -> str:
    """Return the digest by which two configurations are compared."""
    return "sha256:" + digest(_DOMAIN, content).hex()


def _said(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in item.items()
        if value is not None and value not in ("", [], {})
    }


def _order(item: Mapping[str, Any]) -> str:
    """Sort by what identifies an item, and by all else where that is not enough."""
    names = ("slug", "kind", "order", "type", "entity_type", "key", "name", "purpose")
    head = [str(item.get(name, "")) for name in names]
    return "\x00".join([*head, repr(sorted(item.items(), key=lambda pair: pair[0]))])


def _calendar(row: HolidayCalendar) -> dict[str, Any]:
    days = [f"{day['date']} {day['name']}".strip() for day in row.days]
    return {"slug": row.slug, "name": row.name, "days": days}


def _window(row: TimeWindow) -> dict[str, Any]:
    common = {"slug": row.slug, "name": row.name, "zone": row.zone}
    exceptions = {
        "closed_dates": row.closed_dates,
        "open_dates": row.open_dates,
        "closed_calendars": row.closed_calendars,
        "open_calendars": row.open_calendars,
    }
    if row.kind == WindowKind.ABSOLUTE:
        zone = zoneinfo.ZoneInfo(row.zone)
        return {
            **common,
            "opens_at": _local(row.opens_at, zone),
            "closes_at": _local(row.closes_at, zone),
            **exceptions,
        }
    names = {number: name for name, number in DAYS.items()}
    return {
        **common,
        "weekdays": [names[day] for day in row.weekdays],
        "start": time_text(row.start_minute),
        "end": time_text(row.end_minute),
        "overnight": row.is_overnight or None,
        "date_from": _text(row.date_from),
        "date_until": _text(row.date_until),
        **exceptions,
    }


def _location(row: Location) -> dict[str, Any]:
    fence = None
    if row.latitude is not None and row.longitude is not None and row.radius:
        fence = {
            "latitude": degrees_text(row.latitude),
            "longitude": degrees_text(row.longitude),
            "radius_km": degrees_text(row.radius * 1000),
        }
    return {
        "slug": row.slug,
        "name": row.name,
        "cidrs": row.cidrs,
        "countries": row.countries,
        "cities": [f"{country} {name}" for country, name in row.cities],
        "fence": fence,
        "node_groups": row.node_groups,
        "unknown_matches": row.unknown_matches or None,
    }


def _resource_types() -> list[dict[str, Any]]:
    actions: dict[str, list[dict[str, Any]]] = {}
    for row in roles.permissions():
        action = {
            "name": row.action,
            "tier": row.tier,
            "description": row.description,
        }
        actions.setdefault(row.resource_type.name, []).append(_said(action))
    return [
        {
            "name": row.name,
            "description": row.description,
            "actions": sorted(actions.get(row.name, ()), key=_order),
        }
        for row in roles.resource_types()
    ]


def _attributes() -> list[dict[str, Any]]:
    return [
        {
            "entity_type": row.entity_type,
            "name": row.name,
            "type": row.type,
            "description": row.description,
            "source": None if row.source == AttributeSource.PORTAL else row.source,
            "values": row.values,
            "freshness": row.freshness,
        }
        for row in roles.attribute_definitions()
    ]


def _role(spec: RoleSpec) -> dict[str, Any]:
    held: dict[str, list[str]] = {}
    for one in sorted(spec.permissions, key=lambda p: (p.resource_type, p.action)):
        held.setdefault(one.resource_type, []).append(one.action)
    return {
        "slug": spec.slug,
        "name": spec.name,
        "tier": spec.tier,
        "description": spec.description,
        "permissions": held,
        "parents": sorted(spec.parents),
    }


def _separations() -> list[dict[str, Any]]:
    found = []
    for row in roles.separations():
        spec = roles.separation_spec(row)
        found.append(
            {
                "slug": spec.slug,
                "name": spec.name,
                "kind": str(spec.kind),
                "roles": sorted(spec.roles),
                "limit": spec.limit,
                "owner": _ref(row.owner),
                "inactive": None if spec.is_active else True,
            }
        )
    return found


def _principals() -> list[dict[str, Any]]:
    return [
        {
            "type": row.type,
            "key": row.key,
            "name": row.name,
            "attributes": dict(sorted(row.attributes.items())),
            "manager": _ref(row.manager),
        }
        for row in roles.principals().select_related("manager")
    ]


def _groups() -> list[dict[str, Any]]:
    return [
        {
            "slug": row.slug,
            "name": row.name,
            "members": sorted(str(_ref(member)) for member in row.members.all()),
        }
        for row in roles.groups()
    ]


def _resources(*, are_groups: bool) -> list[dict[str, Any]]:
    rows = roles.resources().prefetch_related("owner_links__principal")
    return [
        {
            "type": None if are_groups else row.type,
            "key": row.key,
            "name": row.name,
            "attributes": dict(sorted(row.attributes.items())),
            "groups": sorted(group.key for group in row.groups.all()),
            "owners": sorted(str(_ref(one.principal)) for one in row.owner_links.all()),
        }
        for row in rows
        if (row.type == RESOURCE_GROUP) is are_groups
    ]


def _standing() -> Iterable[Assignment]:
    """Return what is held until somebody ends it; the rest has clocks of its own."""
    return roles.assignments().filter(source=AssignmentSource.STANDING)


def _assignment(row: Assignment) -> dict[str, Any]:
    return {
        "principal": _ref(row.principal),
        "role": row.role.slug,
        "scope": _ref(row.scope),
        "start": _instant(row.start),
        "end": _instant(row.end),
        "reason": row.reason,
    }


def _node_groups() -> list[dict[str, Any]]:
    return [{"slug": row.slug, "name": row.name} for row in nodes.groups()]


def _eligibility(row: Eligibility) -> dict[str, Any]:
    whom = _ref(row.principal)
    if row.group is not None:
        whom = f"Group::{row.group.slug}"
    if row.holders is not None:
        whom = f"Role::{row.holders.slug}"
    return {
        "purpose": row.purpose,
        "role": row.role.slug,
        "for": whom,
        "scope": _ref(row.scope),
        "max_minutes": row.max_minutes,
        "ticket_pattern": row.ticket_pattern,
        "withdrawn": None if row.is_active else True,
    }


def _policies(side: Side) -> list[dict[str, Any]]:
    if side is Side.DRAFT:
        drafts = policies.drafts().exclude(policy__state=PolicyState.RETIRED)
        return [{"slug": row.policy.slug, **_said(row.content)} for row in drafts]
    return [
        {"slug": row.policy.slug, **_said(row.content)}
        for row in policies.live_versions()
    ]


def _ref(row: Principal | Resource | None) -> str | None:
    return f"{row.type}::{row.key}" if row is not None else None


def _text(day: dt.date | None) -> str | None:
    return day.isoformat() if day else None


def _instant(moment: dt.datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def _local(moment: dt.datetime | None, zone: zoneinfo.ZoneInfo) -> str | None:
    """Return an instant on the clock of a zone, with the offset that tells which."""
    return moment.astimezone(zone).isoformat(sep=" ") if moment else None
