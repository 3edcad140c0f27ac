"""The records that releases carry for this app."""

from __future__ import annotations

from django.utils import timezone

from apps.roles.selectors.access import (
    instant,
    live_assignments,
    permission_of,
    principals,
    resources,
    roles,
)
from apps.roles.selectors.separation import separation_records
from protocol import records
from protocol.records import EntityRef, Record, principal_id


def live_records() -> list[Record]:
    """Return the records that releases carry for this app."""
    return [
        *_role_records(),
        *_assignment_records(),
        *_principal_records(),
        *_resource_records(),
        *separation_records(timezone.now()),
    ]


def _role_records() -> list[Record]:
    return [
        records.RoleRecord(
            role.slug,
            name=role.name,
            tier=role.tier,
            permissions=tuple(permission_of(row) for row in role.permissions.all()),
            parents=tuple(parent.slug for parent in role.parents.all()),
        )
        for role in roles()
    ]


def _assignment_records() -> list[Record]:
    # Rows of four models for each would take most of the time of a release.
    rows = live_assignments(timezone.now()).values_list(
        *("pk", "principal__type", "principal__key", "role__slug"),
        *("scope__type", "scope__key", "start", "end", "source"),
        *("delegator__type", "delegator__key"),
        named=True,
    )
    return [
        records.AssignmentRecord(
            str(row.pk),
            principal=EntityRef(row.principal__type, row.principal__key),
            role=row.role__slug,
            scope=_entity(row.scope__type, row.scope__key),
            start=instant(row.start),
            end=instant(row.end),
            source=row.source,
            delegator=_entity(row.delegator__type, row.delegator__key),
        )
        for row in rows
    ]


def _entity(kind: str | None, key: str | None) -> EntityRef | None:
    return EntityRef(kind, key) if kind and key else None


def _principal_records() -> list[Record]:
    return [
        records.PrincipalRecord(
            principal_id(ref), entity=ref, attributes=dict(row.attributes)
        )
        for row in principals()
        for ref in [EntityRef(row.type, row.key)]
    ]


def _resource_records() -> list[Record]:
    return [
        records.ResourceRecord(
            principal_id(ref),
            entity=ref,
            attributes=dict(row.attributes),
            groups=tuple(
                EntityRef(group.type, group.key) for group in row.groups.all()
            ),
        )
        for row in resources()
        for ref in [EntityRef(row.type, row.key)]
    ]
