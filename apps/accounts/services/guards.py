"""Keep sealed accounts as they are."""

from __future__ import annotations

from apps.accounts.errors import SealedAccountError
from apps.accounts.models import User
from apps.accounts.selectors import is_sealed


def refuse_if_sealed(user: User) -> None:
    """Raise SealedAccountError for a break-glass account.

    What was there when the seal was put on is all that ever opens it, also while it is
    open: who has it for an hour must not make it theirs.
    """
    if is_sealed(user):
        raise SealedAccountError(
            "This is a break-glass account: its passkeys and roles are fixed.",
            remedy="Use an account of your own, or retire this one first.",
        )
