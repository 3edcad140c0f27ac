"""People with passkeys and sessions that are about to do something."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.signin.models import SignIn
from tests.factories import accounts
from tests.factories.accounts import MakeUser
from tests.simulators.authenticator import SimulatedAuthenticator


class Visitor:
    """A person at a browser, with the authenticator in their hand."""

    def __init__(
        self, user: User, client: Client, authenticator: SimulatedAuthenticator
    ) -> None:
        self.user, self.client, self.authenticator = user, client, authenticator

    @property
    def sign_in(self) -> SignIn:
        """Return the newest session of the person."""
        return SignIn.objects.filter(user=self.user).latest("started_at")

    def age(self, **span: float) -> None:
        """Let the proofs of the session be that much older."""
        row = self.sign_in
        seconds = int(dt.timedelta(**span).total_seconds())
        row.factors = [f | {"at": f["at"] - seconds} for f in row.factors]
        row.save(update_fields=["factors"])

    def set(self, **columns: object) -> None:
        """Write columns of the session."""
        SignIn.objects.filter(pk=self.sign_in.pk).update(**columns)

    def go_idle(self, minutes: int = 31) -> None:
        """Let nobody have touched the session for a while."""
        self.set(last_seen_at=timezone.now() - dt.timedelta(minutes=minutes))

    def sign(self, address: str) -> dict[str, Any]:
        """Return the fields that confirm the operation of a page."""
        answer = self.client.post(f"{address}options/")
        assert answer.status_code == 200, answer.content
        options = answer.json()
        return {
            "ceremony": options["ceremony"],
            "credential": json.dumps(self.authenticator.get(options["publicKey"])),
        }

    def confirm(self, address: str) -> Any:
        """Confirm the operation of a page; return what comes after it."""
        return self.client.post(f"{address}verify/", self.sign(address))


MakeVisitor = Callable[..., Visitor]


@pytest.fixture
def visitor_for(tmp_path: Path) -> Callable[[User], Visitor]:
    """Return a function that signs a person in with a fresh passkey."""

    def make(user: User) -> Visitor:
        authenticator = accounts.make_authenticator(tmp_path)
        client = Client()
        accounts.sign_in(client, user, accounts.register_passkey(user, authenticator))
        return Visitor(user, client, authenticator)

    return make


@pytest.fixture
def alice(make_user: MakeUser, visitor_for: Callable[[User], Visitor]) -> Visitor:
    """Return a security admin at work."""
    return visitor_for(make_user("alice", ["security_admin"]))


@pytest.fixture
def bob(make_user: MakeUser, visitor_for: Callable[[User], Visitor]) -> Visitor:
    """Return another security admin at work."""
    return visitor_for(make_user("bob", ["security_admin"]))


INVITATION = {
    "username": "carol",
    "display_name": "Carol",
    "email": "",
    "roles": ["approver", "auditor"],
}


def invite(visitor: Visitor, **changes: object) -> Any:
    """Send the form that invites a person."""
    address = reverse("admin:accounts_membership_add")
    return visitor.client.post(address, INVITATION | changes)
