"""Pages of the catalogue, roles, registries and assignments."""

from apps.roles.admin.assignments import AssignmentAdmin
from apps.roles.admin.catalogue import (
    AttributeDefinitionAdmin,
    PermissionAdmin,
    ResourceTypeAdmin,
)
from apps.roles.admin.grants import ObjectGrantAdmin
from apps.roles.admin.registry import (
    PrincipalAdmin,
    PrincipalGroupAdmin,
    ResourceAdmin,
)
from apps.roles.admin.roles import RoleAdmin
from apps.roles.admin.separation import (
    SeparationExceptionAdmin,
    SeparationSetAdmin,
)

__all__ = [
    "AssignmentAdmin",
    "AttributeDefinitionAdmin",
    "ObjectGrantAdmin",
    "PermissionAdmin",
    "PrincipalAdmin",
    "PrincipalGroupAdmin",
    "ResourceAdmin",
    "ResourceTypeAdmin",
    "RoleAdmin",
    "SeparationExceptionAdmin",
    "SeparationSetAdmin",
]
