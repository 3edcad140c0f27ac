"""Files: the demo's software authenticator, and lists of breached passwords."""

from apps.accounts.adapters.attestation import attestation_roots
from apps.accounts.adapters.authenticator import UnsafeSoftwareAuthenticator
from apps.accounts.adapters.breaches import BreachedPasswordValidator, is_breached

__all__ = [
    "BreachedPasswordValidator",
    "UnsafeSoftwareAuthenticator",
    "attestation_roots",
    "is_breached",
]
