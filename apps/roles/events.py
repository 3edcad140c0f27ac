"""What the audit log and the outbox hear from this app."""

from __future__ import annotations

from enum import StrEnum


class RolesAction(StrEnum):
    """Audited acts upon the catalogue, roles, registries and assignments."""

    RESOURCE_TYPE_DEFINED = "resource_type.defined"
    PERMISSION_DEFINED = "permission.defined"
    ATTRIBUTE_DEFINED = "attribute.defined"
    ROLE_CREATED = "role.created"
    ROLE_CHANGED = "role.changed"
    PRINCIPAL_REGISTERED = "principal.registered"
    PRINCIPAL_CHANGED = "principal.changed"
    PERSON_LINKED = "principal.person_linked"
    MANAGER_SET = "principal.manager_set"
    GROUP_CREATED = "group.created"
    GROUP_CHANGED = "group.changed"
    OWNERS_CHANGED = "resource.owners_changed"
    RESOURCE_REGISTERED = "resource.registered"
    RESOURCE_CHANGED = "resource.changed"
    ASSIGNMENT_CREATED = "assignment.created"
    ASSIGNMENT_REVOKED = "assignment.revoked"
    SEPARATION_CREATED = "separation.created"
    SEPARATION_CHANGED = "separation.changed"
    SEPARATION_REMOVED = "separation.removed"
    EXCEPTION_GRANTED = "separation.exception_granted"
    EXCEPTION_ENDED = "separation.exception_ended"
    ROLE_REMOVED = "role.removed"
    PRINCIPAL_REMOVED = "principal.removed"
    RESOURCE_REMOVED = "resource.removed"
    GROUP_REMOVED = "group.removed"
    ATTRIBUTE_REMOVED = "attribute.removed"
    PERMISSION_REMOVED = "permission.removed"
    RESOURCE_TYPE_REMOVED = "resource_type.removed"
    OBJECT_GRANTED = "object.granted"
    OBJECT_GRANT_REVOKED = "object.grant_revoked"


class RolesTopic(StrEnum):
    """Outbox topics. Payload: {"cause": {"act": str, "target": str}}."""

    CHANGED = "roles.changed"
