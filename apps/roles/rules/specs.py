"""What somebody wants a role, an entry or an assignment to be."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.roles.choices import AssignmentSource
from protocol.records import EntityRef, Permission


@dataclass(frozen=True)
class RoleSpec:
    """What somebody wants a role to be."""

    slug: str
    name: str
    tier: str
    description: str = ""
    permissions: tuple[Permission, ...] = ()
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class AttributeLimits:
    """Where the values of an attribute come from, and what they may be."""

    source: str = "portal"
    values: tuple[str, ...] = ()
    freshness: int | None = None


@dataclass(frozen=True)
class EntrySpec:
    """What somebody wants a principal or resource to be."""

    ref: EntityRef
    name: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class GroupSpec:
    """What somebody wants a group of principals to be."""

    slug: str
    name: str
    members: tuple[EntityRef, ...] = ()


@dataclass(frozen=True)
class AssignmentSpec:
    """Who is to hold which role, where, for how long and why."""

    principal: EntityRef
    role: str
    scope: EntityRef | None = None
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    source: str = AssignmentSource.STANDING.value
    reason: str = ""
    delegator: EntityRef | None = None
    workflow: str = ""
    workflow_id: uuid.UUID | None = None
