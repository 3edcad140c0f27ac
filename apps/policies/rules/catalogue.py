"""What a tenant's policies may refer to, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from engine.cedar import Attribute
from protocol.records import EntityRef, LocationRecord, Permission, WindowRecord


@dataclass(frozen=True)
class Catalogue:
    """All names that policies of one tenant may use.

    `tiers` holds every permission with its tier, `roles` what each role holds with all
    it inherits, `attributes` the typed attributes of each entity type, `ancestors` each
    role with those it inherits from, `zones` what windows use beyond those given.
    """

    tiers: Mapping[Permission, str]
    roles: Mapping[str, frozenset[Permission]]
    resource_types: tuple[str, ...]
    principals: frozenset[EntityRef] = frozenset()
    resources: frozenset[EntityRef] = frozenset()
    windows: Mapping[str, WindowRecord] = field(default_factory=dict)
    locations: Mapping[str, LocationRecord] = field(default_factory=dict)
    attributes: tuple[Attribute, ...] = ()
    schema: Mapping[str, Any] = field(default_factory=dict)
    ancestors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    zones: tuple[str, ...] = ()

    @cached_property
    def actions(self) -> dict[str, frozenset[str]]:
        """Return every action with the resource types it applies to."""
        found: dict[str, set[str]] = {}
        for permission in self.tiers:
            found.setdefault(permission.action, set()).add(permission.resource_type)
        return {action: frozenset(types) for action, types in found.items()}
