"""Pages of the catalogue, roles, registries and assignments."""

from apps.roles.admin.assignments import AssignmentAdmin
from apps.roles.admin.catalogue import (
    AttributeDefinitionAdmin,
    PermissionAdmin,
    ResourceTypeAdmin,
)
from apps.roles.admin.registry import PrincipalAdmin, ResourceAdmin
from apps.roles.admin.roles import RoleAdmin

__all__ = [
    "AssignmentAdmin",
    "AttributeDefinitionAdmin",
    "PermissionAdmin",
    "PrincipalAdmin",
    "ResourceAdmin",
    "ResourceTypeAdmin",
    "RoleAdmin",
]
