"""Inheritance of roles, what keeps them apart, and what registry entries look like."""

from apps.roles.rules.entries import (
    assignment_state,
    check_action,
    check_assignment,
    check_attribute,
    check_entry,
    check_name,
    check_resource_type,
    closes_circle,
    has_type,
)
from apps.roles.rules.graph import (
    MAX_DEPTH,
    Branch,
    RoleGraph,
    RoleNode,
    ancestry,
    effective_permissions,
    tree,
)
from apps.roles.rules.roles import (
    TIER_RANK,
    check_role,
    check_slug,
    check_tier,
    with_role,
)
from apps.roles.rules.separation import (
    Refusal,
    SeparationSpec,
    Waiver,
    broken_sets,
    check_no_role_breaks,
    check_separation,
    check_set,
)
from apps.roles.rules.specs import AssignmentSpec, EntrySpec, GroupSpec, RoleSpec

__all__ = [
    "MAX_DEPTH",
    "TIER_RANK",
    "AssignmentSpec",
    "Branch",
    "EntrySpec",
    "GroupSpec",
    "Refusal",
    "RoleGraph",
    "RoleNode",
    "RoleSpec",
    "SeparationSpec",
    "Waiver",
    "ancestry",
    "assignment_state",
    "broken_sets",
    "check_action",
    "check_assignment",
    "check_attribute",
    "check_entry",
    "check_name",
    "check_no_role_breaks",
    "check_resource_type",
    "check_role",
    "check_separation",
    "check_set",
    "check_slug",
    "check_tier",
    "closes_circle",
    "effective_permissions",
    "has_type",
    "tree",
    "with_role",
]
