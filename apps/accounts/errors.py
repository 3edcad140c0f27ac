"""Failures of sign-in, passkeys and membership."""

from __future__ import annotations

from apps.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    MisconfiguredError,
    NotFoundError,
)


class UserInvalidError(InvalidError):
    """The description of a person cannot be accepted."""

    code = "accounts.user_invalid"


class UsernameTakenError(ConflictError):
    """Somebody else has this user name."""

    code = "accounts.username_taken"
    default_message = "Somebody else has this user name."
    default_remedy = "Choose another user name."


class UserNotFoundError(NotFoundError):
    """There is no such person."""

    code = "accounts.user_not_found"
    default_message = "There is no person with this user name."


class UnknownRoleError(InvalidError):
    """A membership names a role that does not exist."""

    code = "accounts.unknown_role"
    default_remedy = "Use security_admin, approver or auditor."


class NotAMemberError(ForbiddenError):
    """The person does not belong to the tenant."""

    code = "accounts.not_a_member"
    default_message = "You are not a member of this tenant."


class AlreadyAMemberError(ConflictError):
    """The person belongs to the tenant already."""

    code = "accounts.already_a_member"
    default_message = "This person is a member of the tenant already."
    default_remedy = "Change their roles instead."


class SharedPersonError(ForbiddenError):
    """A tenant may not hand out an account that counts in another tenant too."""

    code = "accounts.shared_person"
    default_message = "This person belongs to another tenant too."
    default_remedy = "Ask whoever runs the portal for a link (manage.py enroll)."


class RoleRequiredError(ForbiddenError):
    """The person's memberships do not carry the role that the act needs."""

    code = "accounts.role_required"
    default_message = "Your role in this tenant does not allow this."


class LastSecurityAdminError(ConflictError):
    """The change would leave a tenant without a security admin."""

    code = "accounts.last_security_admin"
    default_message = "A tenant keeps at least one security admin."
    default_remedy = "Make somebody else a security admin first."


class CeremonyError(ConflictError):
    """The ceremony is unknown, used, expired, or belongs to another session."""

    code = "accounts.ceremony_over"
    default_message = "This request to your authenticator is over or was used already."
    default_remedy = "Start again."


class EnrollmentLinkError(NotFoundError):
    """The enrollment link is unknown, used, replaced or expired."""

    code = "accounts.enrollment_link_over"
    default_message = "This enrollment link was used, replaced or has expired."
    default_remedy = "Ask a security admin for a new one."


class AssertionRefusedError(ForbiddenError):
    """What the authenticator sent does not prove anything."""

    code = "accounts.assertion_refused"
    default_message = "The answer of the authenticator was refused."
    default_remedy = "Start again with a passkey of this account."


class WrongChallengeError(AssertionRefusedError):
    """The authenticator signed another challenge, or for another purpose."""

    code = "accounts.wrong_challenge"
    default_message = "The authenticator signed something else."


class WrongOriginError(AssertionRefusedError):
    """The authenticator was asked from a page that is not ours."""

    code = "accounts.wrong_origin"
    default_message = "The request came from a page that is not this portal."
    default_remedy = "Open the portal by its proper address."


class UserNotVerifiedError(AssertionRefusedError):
    """The authenticator did not ask for a fingerprint, a face or a PIN."""

    code = "accounts.user_not_verified"
    default_message = "The authenticator did not verify you."
    default_remedy = "Use a passkey that asks for a PIN, a fingerprint or your face."


class UnknownPasskeyError(AssertionRefusedError):
    """No account has this passkey, or another account has it."""

    code = "accounts.unknown_passkey"
    default_message = "This passkey is not registered for this account."


class PasskeyBlockedError(AssertionRefusedError):
    """The passkey was blocked."""

    code = "accounts.passkey_blocked"
    default_message = "This passkey is blocked."
    default_remedy = "Use another passkey, or ask for a new enrollment link."


class PasskeyClonedError(PasskeyBlockedError):
    """The signature counter went backwards: two devices hold the same key."""

    code = "accounts.passkey_cloned"
    default_message = (
        "This passkey's counter went backwards, as if it had been copied. "
        "It is blocked now."
    )


class PasskeyTakenError(ConflictError):
    """The passkey is registered already."""

    code = "accounts.passkey_taken"
    default_message = "This passkey is registered already."


class LastPasskeyError(ConflictError):
    """Removing the passkey would lock its owner out."""

    code = "accounts.last_passkey"
    default_message = "This is your only passkey; removing it would lock you out."
    default_remedy = "Register another passkey first."


class DemoAuthenticatorError(MisconfiguredError):
    """A software authenticator is used where none may be."""

    code = "accounts.demo_authenticator"
    default_message = "Software authenticators are for the demo only."
    default_remedy = "Use a real authenticator."


class ApiTokenInvalidError(InvalidError):
    """What was asked of a token cannot be."""

    code = "accounts.api_token_invalid"


class ApiTokenRefusedError(ForbiddenError):
    """A token is unknown, expired or revoked."""

    code = "accounts.api_token_refused"
    default_message = "The API token is unknown, expired or revoked."
    default_remedy = "Make a new one on your account page."


class FreezeInvalidError(InvalidError):
    """What was asked of a freeze cannot be."""

    code = "accounts.freeze_invalid"


class FreezeNotFoundError(NotFoundError):
    """There is no such freeze, or it is over."""

    code = "accounts.freeze_not_found"
    default_message = "There is no such freeze any more."


class LastAdminFrozenError(ConflictError):
    """The freeze would leave a tenant without a security admin who can work."""

    code = "accounts.last_admin_frozen"
    default_message = "This would lock the last working security admin out."
    default_remedy = "Make somebody else a security admin first."


class OwnFreezeError(ForbiddenError):
    """A freeze is lifted by another person."""

    code = "accounts.own_freeze"
    default_message = "Another person has to lift this freeze."
    default_remedy = "Ask another security admin; it also ends by itself."


class SignInRefusedError(ForbiddenError):
    """User name, password or code is wrong. One text for every reason."""

    code = "accounts.sign_in_refused"
    default_message = "User name, password or code is wrong."
    default_remedy = "Check all three. Codes work once; wait for the next one."


class CodeRefusedError(InvalidError):
    """A one-time code is wrong, was used before, or too many were wrong."""

    code = "accounts.code_refused"
    default_message = "The code is wrong or was used already."
    default_remedy = "Wait for the next code, and check the clock of the device."


class CodeDeviceNotFoundError(NotFoundError):
    """There is no such device of this person."""

    code = "accounts.code_device_not_found"
    default_message = "You have no such authenticator."
    default_remedy = "Start again."


class PasswordInvalidError(InvalidError):
    """A new password cannot be accepted."""

    code = "accounts.password_invalid"


class SealedAccountError(ConflictError):
    """A break-glass account is no account for an ordinary day."""

    code = "accounts.sealed_account"
    default_message = "This is a sealed break-glass account."
    default_remedy = "Unseal it first, or use another account."


class PasskeyModelError(AssertionRefusedError):
    """The model of the authenticator is not on a tenant's list."""

    code = "accounts.passkey_model"
    default_message = "Your organization does not accept this model of authenticator."
    default_remedy = "Use one that a security admin has listed."


class PasskeyNotAttestedError(AssertionRefusedError):
    """Nobody vouches for where the key lives."""

    code = "accounts.passkey_not_attested"
    default_message = "Your organization asks for keys whose maker vouches for them."
    default_remedy = "Use a security key, and let the browser show its make."


class OtherKeyNeededError(ForbiddenError):
    """A passkey is removed with another one."""

    code = "accounts.other_key_needed"
    default_message = "Removing a passkey has to be confirmed with another one."
    default_remedy = "Confirm with a passkey that stays."


class SignInPolicyInvalidError(InvalidError):
    """Sign-in settings are below the floor."""

    code = "accounts.sign_in_policy_invalid"


class IdempotencyKeyInvalidError(InvalidError):
    """An Idempotency-Key is empty, too long or not plain text."""

    code = "api.idempotency_key_invalid"
    default_message = "The Idempotency-Key is 1 to 255 visible ASCII characters."
    default_remedy = "Send a fresh random value, such as a UUID, for each operation."


class IdempotencyKeyReusedError(InvalidError):
    """An Idempotency-Key was used for another request."""

    code = "api.idempotency_key_reused"
    status = 422
    default_message = "This Idempotency-Key was used for another request."
    default_remedy = "Send a fresh key, or the very same request."
