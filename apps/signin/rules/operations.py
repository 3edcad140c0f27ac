"""The one table of what operations ask for, and what a proof is bound to.

An operation names the level and how fresh it must be. One that `is_bound` is signed
each time: the authenticator's challenge is the digest of exactly this operation. One
that `is_elevated` needs the elevated session besides. RFC 9470; OWASP ASVS 5.0, V7.5.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from apps.signin.choices import Acr
from apps.signin.rules.levels import Factor, level_at
from protocol.canonical import canonical_bytes

_MINUTE = 60
OPERATION_LIFETIME_SECONDS = 5 * _MINUTE
# Where a continued form carries the proof; no part of what is signed.
PROOF_FIELD = "pw_operation"
UNSIGNED_FIELDS = frozenset({"csrfmiddlewaretoken", PROOF_FIELD})


class Operation(StrEnum):
    """What a person may be about to do. A retired value is never used again."""

    ENTER_CONSOLE = "console.enter"
    CONFIRM_PRESENCE = "console.confirm"
    VIEW_AUDIT = "audit.view"
    CHANGE_ANYTHING = "console.change"
    DRAFT_POLICY = "policies.draft"
    ACT_ON_POLICY = "policies.act"
    OPEN_REQUEST = "approvals.open"
    VOTE = "approvals.vote"
    ENROLL_NODE = "nodes.enroll"
    CHANGE_NODE = "nodes.change"
    CHANGE_ACCESS = "roles.change"
    DELEGATE_RIGHTS = "roles.delegate"
    LEND = "delegations.lend"
    END_LOAN = "delegations.end"
    CHANGE_LENDING = "delegations.settings"
    REQUEST_ELEVATION = "elevations.request"
    EXTEND_ELEVATION = "elevations.extend"
    ACTIVATE_ELEVATION = "elevations.activate"
    DECIDE_REVIEW = "reviews.decide"
    APPLY_REVIEW = "reviews.apply"
    CHANGE_CAMPAIGN = "reviews.change"
    INVITE_PERSON = "accounts.invite"
    CHANGE_PERSON = "accounts.change"
    CHANGE_SIGN_IN_SETTINGS = "accounts.sign_in_settings"
    ADD_CREDENTIAL = "accounts.add_credential"
    REMOVE_CREDENTIAL = "accounts.remove_credential"
    ISSUE_TOKEN = "accounts.issue_token"  # noqa: S105  # an operation
    REVOKE_TOKEN = "accounts.revoke_token"  # noqa: S105  # an operation
    TRUST_DEVICE = "signin.trust_device"
    END_SESSION = "signin.end_session"
    FREEZE = "signin.freeze"
    LIFT_FREEZE = "signin.lift_freeze"
    CHANGE_CLIENT = "clients.change"
    CHANGE_PROVIDER = "federation.change"
    LINK_PROVIDER = "federation.link"
    SEAL_BREAK_GLASS = "breakglass.seal"
    OPEN_BREAK_GLASS = "breakglass.open"
    REVIEW_BREAK_GLASS = "breakglass.review"


@dataclass(frozen=True)
class Requirement:
    """What an operation asks of a session. `max_age` is in seconds."""

    label: str
    acr: Acr
    max_age: int
    is_bound: bool = False
    is_elevated: bool = False


_PASSKEY = Acr.PHISHING_RESISTANT
REQUIREMENTS: Mapping[Operation, Requirement] = {
    Operation.ENTER_CONSOLE: Requirement(
        "Continue in the console", _PASSKEY, 5 * _MINUTE
    ),
    # Asked for from the menu, ahead of work that will need it.
    Operation.CONFIRM_PRESENCE: Requirement(
        "Confirm that it is you", _PASSKEY, 0, is_elevated=True
    ),
    Operation.VIEW_AUDIT: Requirement("Read the audit trail", Acr.MULTI, 15 * _MINUTE),
    Operation.CHANGE_ANYTHING: Requirement(
        "Make a change in the console", _PASSKEY, 5 * _MINUTE
    ),
    Operation.DRAFT_POLICY: Requirement("Save a policy draft", Acr.MULTI, 60 * _MINUTE),
    Operation.ACT_ON_POLICY: Requirement(
        "Suspend, retire or roll back a policy", _PASSKEY, 0, is_bound=True
    ),
    Operation.OPEN_REQUEST: Requirement(
        "Propose changes for approval", _PASSKEY, 5 * _MINUTE
    ),
    # The vote itself is an assertion over the decision; see apps.approvals.
    Operation.VOTE: Requirement("Approve or reject", _PASSKEY, 60 * _MINUTE),
    Operation.ENROLL_NODE: Requirement("Make a join token", _PASSKEY, 5 * _MINUTE),
    Operation.CHANGE_NODE: Requirement(
        "Change or revoke a node", _PASSKEY, 5 * _MINUTE
    ),
    Operation.CHANGE_ACCESS: Requirement(
        "Change roles, assignments, windows or locations", _PASSKEY, 15 * _MINUTE
    ),
    Operation.DELEGATE_RIGHTS: Requirement(
        "Delegate rights on objects, or take them back", _PASSKEY, 5 * _MINUTE
    ),
    Operation.LEND: Requirement(
        "Lend a role, take one over, or stand in", _PASSKEY, 5 * _MINUTE
    ),
    # Ending takes rights away and gives nobody any.
    Operation.END_LOAN: Requirement(
        "End a delegation or an absence", Acr.MULTI, 60 * _MINUTE
    ),
    Operation.CHANGE_LENDING: Requirement(
        "Change what may be lent", _PASSKEY, 5 * _MINUTE, is_elevated=True
    ),
    Operation.REQUEST_ELEVATION: Requirement(
        "Ask for access for minutes", Acr.MULTI, 15 * _MINUTE
    ),
    # More time is asked for in the middle of work, so the session proves nothing.
    Operation.EXTEND_ELEVATION: Requirement(
        "Ask for more time", _PASSKEY, 0, is_bound=True
    ),
    Operation.ACTIVATE_ELEVATION: Requirement(
        "Activate access for minutes", _PASSKEY, 5 * _MINUTE
    ),
    Operation.DECIDE_REVIEW: Requirement(
        "Answer an access review", _PASSKEY, 15 * _MINUTE
    ),
    Operation.APPLY_REVIEW: Requirement(
        "Apply or cancel an access review", _PASSKEY, 5 * _MINUTE
    ),
    Operation.CHANGE_CAMPAIGN: Requirement(
        "Change or open a review campaign", _PASSKEY, 5 * _MINUTE
    ),
    Operation.INVITE_PERSON: Requirement("Invite a person", _PASSKEY, 5 * _MINUTE),
    Operation.CHANGE_PERSON: Requirement(
        "Change or remove a person", _PASSKEY, 5 * _MINUTE
    ),
    Operation.CHANGE_SIGN_IN_SETTINGS: Requirement(
        "Change how people sign in", _PASSKEY, 5 * _MINUTE, is_elevated=True
    ),
    Operation.ADD_CREDENTIAL: Requirement(
        "Add a way to sign in", _PASSKEY, 5 * _MINUTE
    ),
    Operation.REMOVE_CREDENTIAL: Requirement(
        "Remove a way to sign in", _PASSKEY, 5 * _MINUTE
    ),
    Operation.ISSUE_TOKEN: Requirement("Make an API token", _PASSKEY, 5 * _MINUTE),
    Operation.REVOKE_TOKEN: Requirement("Revoke an API token", Acr.MULTI, 60 * _MINUTE),
    Operation.TRUST_DEVICE: Requirement("Trust this device", _PASSKEY, 5 * _MINUTE),
    Operation.END_SESSION: Requirement("End a session", Acr.MULTI, 60 * _MINUTE),
    Operation.FREEZE: Requirement(
        "Freeze a person or a session", _PASSKEY, 5 * _MINUTE, is_elevated=True
    ),
    Operation.LIFT_FREEZE: Requirement(
        "Lift a freeze", _PASSKEY, 0, is_bound=True, is_elevated=True
    ),
    Operation.CHANGE_CLIENT: Requirement(
        "Change an API client", _PASSKEY, 5 * _MINUTE, is_elevated=True
    ),
    Operation.CHANGE_PROVIDER: Requirement(
        "Change an identity provider", _PASSKEY, 5 * _MINUTE, is_elevated=True
    ),
    Operation.LINK_PROVIDER: Requirement(
        "Link an identity provider's account", _PASSKEY, 5 * _MINUTE
    ),
    Operation.SEAL_BREAK_GLASS: Requirement(
        "Seal or unseal a break-glass account", _PASSKEY, 0, is_bound=True
    ),
    Operation.OPEN_BREAK_GLASS: Requirement(
        "Break the glass", _PASSKEY, 0, is_bound=True
    ),
    Operation.REVIEW_BREAK_GLASS: Requirement(
        "Close a break-glass review", _PASSKEY, 0, is_bound=True
    ),
}


def is_satisfied(
    requirement: Requirement,
    factors: Iterable[Factor],
    *,
    is_elevated: bool,
    now: int,
) -> bool:
    """Say whether a session may do an operation without another proof."""
    if requirement.is_bound or (requirement.is_elevated and not is_elevated):
        return False
    return level_at(factors, now=now, max_age=requirement.max_age) >= requirement.acr


def fields_digest(fields: Sequence[tuple[str, str]]) -> str:
    """Return the digest of a form's fields, in the order in which they were sent."""
    kept = [[name, value] for name, value in fields if name not in UNSIGNED_FIELDS]
    return hashlib.sha256(canonical_bytes(kept)).hexdigest()


def operation_digest(
    *,
    operation: Operation,
    method: str,
    path: str,
    body_digest: str,
    who: str,
    serial: str,
) -> bytes:
    """Return the challenge that the authenticator signs for one operation.

    The identifier makes it unique, so that no assertion serves twice.
    """
    form = {
        "body_digest": body_digest,
        "id": serial,
        "method": method,
        "operation": operation.value,
        "path": path,
        "who": who,
    }
    return hashlib.sha256(b"portward-operation-v1\0" + canonical_bytes(form)).digest()
