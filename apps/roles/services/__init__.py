"""Acts upon the catalogue, roles, registries and assignments."""

from apps.roles.services.assignments import assign_role, revoke_assignment
from apps.roles.services.catalogue import (
    define_attribute,
    define_permission,
    define_resource_type,
)
from apps.roles.services.registry import link_person, save_principal, save_resource
from apps.roles.services.roles import save_role

__all__ = [
    "assign_role",
    "define_attribute",
    "define_permission",
    "define_resource_type",
    "link_person",
    "revoke_assignment",
    "save_principal",
    "save_resource",
    "save_role",
]
