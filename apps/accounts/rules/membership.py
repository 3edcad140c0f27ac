"""Decide what a tenant role allows, and what a tenant asks of sign-ins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

SECURITY_ADMIN_ACTIONS = frozenset({"view", "add", "change", "delete"})
ACTIONS_BY_ROLE: Mapping[str, frozenset[str]] = {
    "security_admin": SECURITY_ADMIN_ACTIONS,
    "approver": frozenset({"view", "vote"}),
    "auditor": frozenset({"view"}),
    # What concerns oneself has pages of its own; the console stays closed.
    "member": frozenset(),
}


@dataclass(frozen=True)
class SignInRules:
    """What a tenant asks of sign-ins. Risks are shares of 100.

    Passkeys are always accepted; `accepted` names what else is, and none of that ever
    suffices for an administrative change or an approval.
    """

    accepted: frozenset[str] = frozenset({"totp", "hotp", "recovery"})
    attestation: str = "none"
    aaguids: frozenset[str] = frozenset()
    risk_step_up: int = 40
    risk_block: int = 80


# A token for REST carries at most what its person's roles carry.
READ_SCOPES = frozenset(
    {
        *("tenants.read", "roles.read", "scopes.read", "policies.read"),
        *("releases.read", "bundle.read", "nodes.read", "audit.read"),
        *("sessions.read", "freezes.read", "requests.read", "elevations.read"),
        *("delegations.read", "reviews.read", "access.explain"),
        *("notifications.read", "configuration.read"),
    }
)
# What concerns oneself: asking for access, lending it, and one's own notices.
_OWN_SCOPES = frozenset(
    {
        *("tenants.read", "operations.confirm", "requests.write"),
        *("elevations.read", "elevations.write"),
        *("delegations.read", "delegations.write"),
        "notifications.read",
    }
)
_MEMBER_SCOPES = READ_SCOPES | _OWN_SCOPES
SCOPES_BY_ROLE: Mapping[str, frozenset[str]] = {
    "security_admin": _MEMBER_SCOPES
    | {"sessions.write", "freezes.write", "roles.write", "scopes.write"}
    | {"reviews.write", "notifications.write", "configuration.write"}
    | {"policies.write"},
    "approver": _MEMBER_SCOPES | {"reviews.write"},
    "auditor": _MEMBER_SCOPES,
    "member": _OWN_SCOPES,
}


def role_allows(roles: Sequence[str], action: str) -> bool:
    """Say whether any of a member's roles carries an action; unknown roles none."""
    return any(action in ACTIONS_BY_ROLE.get(role, frozenset()) for role in roles)


def scopes_of(roles: Sequence[str]) -> frozenset[str]:
    """Return the scopes that a member's roles carry together; unknown roles none."""
    return frozenset().union(*(SCOPES_BY_ROLE.get(role, frozenset()) for role in roles))


def registration_refusal(
    rules: Iterable[SignInRules], *, aaguid: str, is_attested: bool
) -> str:
    """Return why a new passkey is not accepted by all of a person's tenants, or "".

    A model that nobody attested to could claim any AAGUID, so a list of models counts
    for attested ones only where attestation is asked for too (WebAuthn L3, 6.5.1).
    """
    for rule in rules:
        if rule.attestation == "verified" and not is_attested:
            return "attestation"
        if rule.aaguids and aaguid.lower() not in rule.aaguids:
            return "aaguid"
    return ""
