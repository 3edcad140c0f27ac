"""What the app writes into the audit log. A retired value is never used again."""

from __future__ import annotations

from enum import StrEnum


class FederationAction(StrEnum):
    """Audit actions about identity providers."""

    PROVIDER_CREATED = "federation.provider_created"
    PROVIDER_CHANGED = "federation.provider_changed"
    PROVIDER_SUSPENDED = "federation.provider_suspended"
    PROVIDER_RESUMED = "federation.provider_resumed"
    MAPPING_CHANGED = "federation.mapping_changed"
    PERSON_LINKED = "federation.person_linked"
    PERSON_UNLINKED = "federation.person_unlinked"
    SIGN_IN_REFUSED = "federation.sign_in_refused"
    ROLES_MAPPED = "federation.roles_mapped"
    LAST_ADMIN_KEPT = "federation.last_admin_kept"
    LOGOUT_RECEIVED = "federation.logout_received"
