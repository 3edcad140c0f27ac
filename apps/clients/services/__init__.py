"""Acts upon clients, and the tokens that they are given."""

from apps.clients.services.access import (
    Surroundings,
    authenticate_access_token,
    forget_expired,
    introspect,
    revoke_access_token,
)
from apps.clients.services.clients import (
    ClientSpec,
    change_client,
    create_client,
    delete_client,
    read_keys,
    read_thumbprints,
    replace_credentials,
    set_state,
)
from apps.clients.services.grants import (
    Grant,
    Presented,
    authenticate_client,
    believe_personal_token,
    grant_to_client,
    grant_to_person,
)

__all__ = [
    "ClientSpec",
    "Grant",
    "Presented",
    "Surroundings",
    "authenticate_access_token",
    "authenticate_client",
    "believe_personal_token",
    "change_client",
    "create_client",
    "delete_client",
    "forget_expired",
    "grant_to_client",
    "grant_to_person",
    "introspect",
    "read_keys",
    "read_thumbprints",
    "replace_credentials",
    "revoke_access_token",
    "set_state",
]
