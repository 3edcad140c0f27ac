"""Acts upon providers, links and sign-ins under way."""

from apps.federation.services.admission import Admission, admit, note_refusal
from apps.federation.services.attempts import Attempt, begin, take
from apps.federation.services.links import link, unlink
from apps.federation.services.logouts import accept_logout
from apps.federation.services.providers import (
    ProviderValues,
    change_mapping,
    change_provider,
    client_secret,
    create_provider,
    remember_keys,
    remember_metadata,
    set_state,
)

__all__ = [
    "Admission",
    "Attempt",
    "ProviderValues",
    "accept_logout",
    "admit",
    "begin",
    "change_mapping",
    "change_provider",
    "client_secret",
    "create_provider",
    "link",
    "note_refusal",
    "remember_keys",
    "remember_metadata",
    "set_state",
    "take",
    "unlink",
]
