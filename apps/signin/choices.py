"""Vocabularies of the app. Plain enumerations, since the rules use them."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Method(StrEnum):
    """How a person proved who they are."""

    PASSKEY = "passkey"
    PASSWORD = "pwd"  # noqa: S105  # a name, not a password
    TOTP = "totp"
    HOTP = "hotp"
    RECOVERY = "recovery"
    FEDERATED = "fed"


class Acr(IntEnum):
    """How sure we are of who is there; a higher level contains the lower ones.

    The names follow OpenID Connect EAP ACR Values (phr, phrh) where they have one.
    """

    NONE = 0
    SINGLE = 1
    MULTI = 2
    PHISHING_RESISTANT = 3
    HARDWARE = 4

    @property
    def value_name(self) -> str:
        """Return the value of the `acr` claim."""
        return _ACR_NAMES[self]

    @property
    def label(self) -> str:
        """Return the words for people."""
        return _ACR_LABELS[self]


_ACR_NAMES = {
    Acr.NONE: "none",
    Acr.SINGLE: "sfa",
    Acr.MULTI: "mfa",
    Acr.PHISHING_RESISTANT: "phr",
    Acr.HARDWARE: "phrh",
}
_ACR_LABELS = {
    Acr.NONE: "Nothing recent",
    Acr.SINGLE: "One factor",
    Acr.MULTI: "Two factors",
    Acr.PHISHING_RESISTANT: "Passkey",
    Acr.HARDWARE: "Hardware key",
}


class EndReason(StrEnum):
    """Why a session is over."""

    SIGNED_OUT = "signed_out"
    IDLE = "idle"
    TOO_OLD = "too_old"
    KILLED = "killed"
    REPLACED = "replaced"
    CREDENTIAL_GONE = "credential_gone"
    PROVIDER = "provider"
    INACTIVE = "inactive"

    @property
    def sentence(self) -> str:
        """Return what the person is told."""
        return _END_SENTENCES[self]


_END_SENTENCES = {
    EndReason.SIGNED_OUT: "You are signed out.",
    EndReason.IDLE: "You were signed out after 30 minutes without activity.",
    EndReason.TOO_OLD: "You were signed out: this session reached its longest time.",
    EndReason.KILLED: "This session was ended by you elsewhere or by an administrator.",
    EndReason.REPLACED: "You signed in again; the earlier session is over.",
    EndReason.CREDENTIAL_GONE: (
        "You were signed out: the key that opened this session was removed or blocked."
    ),
    EndReason.PROVIDER: "Your identity provider ended this session.",
    EndReason.INACTIVE: "This account is switched off.",
}
