"""Roles, the catalogue, registries and assignments over REST."""

from apps.roles.api.assignments import AssignmentDetail, AssignmentList
from apps.roles.api.attributes import AttributeDetail, AttributeList
from apps.roles.api.grants import GrantDetail, GrantList, GrantRevoke
from apps.roles.api.registry import (
    GroupDetail,
    GroupList,
    PrincipalDetail,
    PrincipalList,
    ResourceDetail,
    ResourceList,
)
from apps.roles.api.roles import (
    PermissionDetail,
    PermissionList,
    RoleDetail,
    RoleList,
    RoleSerializer,
    RoleTransfer,
)
from apps.roles.api.separation import SeparationDetail, SeparationList

__all__ = [
    "AssignmentDetail",
    "AssignmentList",
    "AttributeDetail",
    "AttributeList",
    "GrantDetail",
    "GrantList",
    "GrantRevoke",
    "GroupDetail",
    "GroupList",
    "PermissionDetail",
    "PermissionList",
    "PrincipalDetail",
    "PrincipalList",
    "ResourceDetail",
    "ResourceList",
    "RoleDetail",
    "RoleList",
    "RoleSerializer",
    "RoleTransfer",
    "SeparationDetail",
    "SeparationList",
]
