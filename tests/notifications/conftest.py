"""People who are told things."""

from __future__ import annotations

import pytest

from apps.accounts.models import User
from tests.factories.accounts import MakeUser


@pytest.fixture
def alice(make_user: MakeUser) -> User:
    """Return a security admin with an address."""
    return _with_address(make_user("alice", ["security_admin"]))


@pytest.fixture
def bob(make_user: MakeUser) -> User:
    """Return an approver with an address."""
    return _with_address(make_user("bob", ["approver"]))


def _with_address(user: User) -> User:
    user.email = f"{user.username}@example.test"
    user.save(update_fields=["email"])
    return user
