"""What the app writes into the audit log. A retired value is never used again."""

from __future__ import annotations

from enum import StrEnum


class AccountsAction(StrEnum):
    """Audit actions about people and their passkeys."""

    USER_CREATED = "accounts.user_created"
    MEMBERSHIP_GRANTED = "accounts.membership_granted"
    MEMBERSHIP_CHANGED = "accounts.membership_changed"
    MEMBERSHIP_REVOKED = "accounts.membership_revoked"
    ENROLLMENT_LINK_ISSUED = "accounts.enrollment_link_issued"
    PASSKEY_REGISTERED = "accounts.passkey_registered"
    PASSKEY_REMOVED = "accounts.passkey_removed"
    PASSKEY_BLOCKED = "accounts.passkey_blocked"
    API_TOKEN_ISSUED = "accounts.api_token_issued"  # noqa: S105  # an action
    API_TOKEN_REVOKED = "accounts.api_token_revoked"  # noqa: S105  # an action
    SIGNED_IN = "accounts.signed_in"
    SIGNED_OUT = "accounts.signed_out"
    SIGN_IN_REFUSED = "accounts.sign_in_refused"
    ASSERTION_REFUSED = "accounts.assertion_refused"
    SIGN_IN_THROTTLED = "accounts.sign_in_throttled"
    FROZEN = "accounts.frozen"
    FREEZE_APPEALED = "accounts.freeze_appealed"
    FREEZE_LIFTED = "accounts.freeze_lifted"
    CODE_DEVICE_ADDED = "accounts.code_device_added"
    CODE_DEVICE_REMOVED = "accounts.code_device_removed"
    RECOVERY_CODES_MADE = "accounts.recovery_codes_made"
    RECOVERY_CODE_USED = "accounts.recovery_code_used"
    PASSWORD_SET = "accounts.password_set"  # noqa: S105  # an action
    PASSWORD_REMOVED = "accounts.password_removed"  # noqa: S105  # an action
    SIGN_IN_POLICY_CHANGED = "accounts.sign_in_policy_changed"
    ACCOUNT_SEALED = "accounts.account_sealed"
    ACCOUNT_UNSEALED = "accounts.account_unsealed"
