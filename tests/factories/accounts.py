"""Make people, passkeys and signed-in clients through the same services as the UI."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.test import Client

from apps.accounts import services
from apps.accounts.models import Passkey, User
from apps.audit.events import Actor
from apps.signin import services as sign_in_services
from apps.signin.rules.risk import network_of
from apps.signin.rules.sessions import fingerprint
from apps.signin.services import RequestFacts
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.simulators.authenticator import SimulatedAuthenticator

SYSTEM = Actor.system("tests")


class MakeUser(Protocol):
    """Signature of the `make_user` fixture."""

    def __call__(
        self, username: str, roles: Sequence[str] = (), *, is_demo: bool = False
    ) -> User: ...


class SignedInClient(Protocol):
    """Signature of the `signed_in_client` fixture."""

    def __call__(self, user: User) -> Client: ...


def make_user(
    username: str,
    roles: Sequence[str] = (),
    *,
    tenant: Tenant | None = None,
    is_demo: bool = False,
) -> User:
    """Return a person, with roles in a tenant if both are given."""
    user = services.create_user(
        actor=SYSTEM,
        username=username,
        display_name=username.replace("-", " ").title(),
        is_demo=is_demo,
    )
    if tenant is not None and roles:
        with tenant_scope(tenant.pk):
            services.grant_membership(actor=SYSTEM, user=user, roles=roles)
    return user


def make_authenticator(folder: Path) -> SimulatedAuthenticator:
    """Return a fresh authenticator that keeps its key in a folder."""
    return SimulatedAuthenticator(folder / f"{secrets.token_hex(8)}.json")


def register_passkey(
    user: User, authenticator: SimulatedAuthenticator, *, session_key: str = "session"
) -> Passkey:
    """Register the authenticator's key for a person."""
    options = services.begin_registration(user=user, session_key=session_key, link=None)
    return services.finish_registration(
        ceremony_id=options.ceremony_id,
        session_key=session_key,
        credential=authenticator.create(options.public_key),
        name="Test key",
    )


def sign_in(
    client: Client,
    user: User,
    passkey: Passkey,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Make the client's session one that the passkey opened just now.

    `headers` are those of the browser that will use it, if it is not the client.
    """
    client.force_login(user, backend="apps.accounts.authentication.MembershipBackend")
    session = client.session
    session["otp_device_id"] = passkey.persistent_id
    session.save()
    facts = RequestFacts(
        address="127.0.0.1",
        network=network_of("127.0.0.1"),
        fingerprint=fingerprint(headers or {}),
        label="A browser",
        device_token=sign_in_services.new_device_token(),
    )
    row = sign_in_services.open_session(
        user=user,
        session_key=str(session.session_key),
        facts=facts,
        factors=sign_in_services.passkey_factors(passkey),
        otp_device=passkey.persistent_id,
    )
    client.cookies[settings.PORTWARD_DEVICE_COOKIE] = facts.device_token
    client.cookies[settings.PORTWARD_ELEVATED_COOKIE] = sign_in_services.add_proof(
        sign_in=row,
        factors=sign_in_services.passkey_factors(passkey),
        facts=facts,
        otp_device=passkey.persistent_id,
    )


def signed_in_client(
    user: User, folder: Path, headers: Mapping[str, str] | None = None
) -> Client:
    """Return a client whose session a fresh passkey of the person opened."""
    client = Client()
    passkey = register_passkey(user, make_authenticator(folder))
    sign_in(client, user, passkey, headers)
    return client
