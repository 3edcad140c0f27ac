"""Acts upon people, memberships, enrollment links and passkeys."""

from apps.accounts.services.ceremonies import (
    CeremonyOptions,
    begin_ceremony,
    begin_operation_ceremony,
    begin_registration,
)
from apps.accounts.services.enrollment import (
    enrollment_url,
    issue_enrollment_link,
    open_link,
)
from apps.accounts.services.freezes import appeal_freeze, freeze, lift_freeze
from apps.accounts.services.passkeys import (
    VerifiedAssertion,
    fingerprint,
    finish_login,
    finish_registration,
    remove_passkey,
    settle_refusals,
    verify_operation_assertion,
)
from apps.accounts.services.people import (
    create_user,
    grant_membership,
    invite,
    issue_member_link,
    record_sign_out,
    revoke_membership,
)
from apps.accounts.services.tokens import (
    NO_PROOF,
    PersonHolder,
    TokenHolder,
    TokenProof,
    TokenSpec,
    authenticate_api_token,
    is_from,
    issue_api_token,
    personal_holder,
    read_networks,
    revoke_api_token,
)
from apps.accounts.services.trail import actor_for, note_refused_sign_in

__all__ = [
    "NO_PROOF",
    "CeremonyOptions",
    "PersonHolder",
    "TokenHolder",
    "TokenProof",
    "TokenSpec",
    "VerifiedAssertion",
    "actor_for",
    "appeal_freeze",
    "authenticate_api_token",
    "begin_ceremony",
    "begin_operation_ceremony",
    "begin_registration",
    "create_user",
    "enrollment_url",
    "fingerprint",
    "finish_login",
    "finish_registration",
    "freeze",
    "grant_membership",
    "invite",
    "is_from",
    "issue_api_token",
    "issue_enrollment_link",
    "issue_member_link",
    "lift_freeze",
    "note_refused_sign_in",
    "open_link",
    "personal_holder",
    "read_networks",
    "record_sign_out",
    "remove_passkey",
    "revoke_api_token",
    "revoke_membership",
    "settle_refusals",
    "verify_operation_assertion",
]
