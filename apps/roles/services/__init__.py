"""Acts upon the catalogue, roles, registries and assignments."""

from apps.roles.services.assignments import (
    assign_role,
    require_assignable,
    revoke_assignment,
)
from apps.roles.services.catalogue import (
    define_attribute,
    define_permission,
    define_resource_type,
)
from apps.roles.services.grants import grant_object, may_revoke, revoke_grant
from apps.roles.services.people import (
    save_group,
    save_principal_with_manager,
    save_resource_with_owners,
    set_manager,
    set_owners,
)
from apps.roles.services.registry import link_person, save_principal, save_resource
from apps.roles.services.removing import (
    remove_attribute,
    remove_group,
    remove_permission,
    remove_principal,
    remove_resource,
    remove_resource_type,
    remove_role,
)
from apps.roles.services.roles import save_role
from apps.roles.services.separation import (
    end_exception,
    grant_exception,
    remove_separation,
    require_separation,
    require_use_apart,
    save_separation,
)
from apps.roles.services.transfer import import_roles

__all__ = [
    "assign_role",
    "define_attribute",
    "define_permission",
    "define_resource_type",
    "end_exception",
    "grant_exception",
    "grant_object",
    "import_roles",
    "link_person",
    "may_revoke",
    "remove_attribute",
    "remove_group",
    "remove_permission",
    "remove_principal",
    "remove_resource",
    "remove_resource_type",
    "remove_role",
    "remove_separation",
    "require_assignable",
    "require_separation",
    "require_use_apart",
    "revoke_assignment",
    "revoke_grant",
    "save_group",
    "save_principal",
    "save_principal_with_manager",
    "save_resource",
    "save_resource_with_owners",
    "save_role",
    "save_separation",
    "set_manager",
    "set_owners",
]
