"""Who acts, on what, and the roles between them.

`key` is a stable name that people read: it is the entity's id in Cedar. Rows refer to
each other by our own ids, records and policies by key.
"""

from apps.roles.models.assignments import Assignment
from apps.roles.models.catalogue import (
    AttributeDefinition,
    Permission,
    ResourceType,
    Role,
    RoleParent,
    RolePermission,
)
from apps.roles.models.grants import ObjectGrant
from apps.roles.models.registry import (
    RESOURCE_GROUP,
    Principal,
    PrincipalGroup,
    PrincipalGroupMember,
    Resource,
    ResourceGroupMembership,
    ResourceOwner,
)
from apps.roles.models.separation import (
    SeparationException,
    SeparationSet,
    SeparationSetRole,
)

__all__ = [
    "RESOURCE_GROUP",
    "Assignment",
    "AttributeDefinition",
    "ObjectGrant",
    "Permission",
    "Principal",
    "PrincipalGroup",
    "PrincipalGroupMember",
    "Resource",
    "ResourceGroupMembership",
    "ResourceOwner",
    "ResourceType",
    "Role",
    "RoleParent",
    "RolePermission",
    "SeparationException",
    "SeparationSet",
    "SeparationSetRole",
]
