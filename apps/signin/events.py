"""What the app writes into the audit log. A retired value is never used again."""

from __future__ import annotations

from enum import StrEnum

from apps.accounts.events import AccountsAction


class SignInAction(StrEnum):
    """Audit actions about sessions."""

    SESSION_OPENED = "signin.session_opened"
    SESSION_ENDED = "signin.session_ended"
    STEPPED_UP = "signin.stepped_up"
    ELEVATION_ENDED = "signin.elevation_ended"
    DEVICE_CHANGED = "signin.device_changed"
    DEVICE_TRUSTED = "signin.device_trusted"
    DEVICE_FORGOTTEN = "signin.device_forgotten"
    OPERATION_CONFIRMED = "signin.operation_confirmed"
    OPERATION_REFUSED = "signin.operation_refused"
    RISK_BLOCKED = "signin.risk_blocked"


# People come and go, and what anybody may do stays as it is.
COMING_AND_GOING = frozenset(
    {
        AccountsAction.SIGNED_IN,
        AccountsAction.SIGNED_OUT,
        AccountsAction.SIGN_IN_REFUSED,
        AccountsAction.SIGN_IN_THROTTLED,
        AccountsAction.ASSERTION_REFUSED,
        *SignInAction,
    }
)
