"""Security admins, and accounts in the safe."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.accounts.services import actor_for
from apps.breakglass import services
from apps.breakglass.models import Activation
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories import accounts
from tests.factories.accounts import MakeUser
from tests.signin.conftest import Visitor

REASON = "The identity provider is down."
FINDINGS = "Restarted the provider; nothing else was touched."


class Safe(Visitor):
    """The holder of a sealed account, who signs in with the key from the safe."""

    @classmethod
    def of(cls, user: User, admin: User, tenant: Tenant, folder: Path) -> Safe:
        """Seal a member's account, and sign in with its only key."""
        key = accounts.make_authenticator(folder)
        passkey = accounts.register_passkey(user, key)
        with tenant_scope(tenant.pk):
            services.seal(actor=actor_for(admin), user=user)
        client = Client()
        accounts.sign_in(client, user, passkey)
        return cls(user, client, key)

    def again(self) -> Safe:
        """Sign in once more with the same key."""
        client = Client()
        accounts.sign_in(client, self.user, self.user.passkey_set.get())
        return type(self)(self.user, client, self.authenticator)


def open_it(glass: Visitor, **changes: object) -> Activation:
    """Break the glass as the page does once the signature is verified."""
    arguments: dict[str, object] = {
        "actor": actor_for(glass.user),
        "user": glass.user,
        "reason": REASON,
        "minutes": 15,
        "sign_in_id": glass.sign_in.pk,
        "proof_id": uuid.UUID(int=1),
    }
    return services.break_glass(**(arguments | changes))  # type: ignore[arg-type]


@pytest.fixture
def admin(make_user: MakeUser) -> User:
    """Return the security admin who seals accounts."""
    user = make_user("alice", ["security_admin"])
    User.objects.filter(pk=user.pk).update(email="alice@example.test")
    user.refresh_from_db()
    return user


@pytest.fixture
def glass(tenant: Tenant, admin: User, make_user: MakeUser, tmp_path: Path) -> Safe:
    """Return the holder of a sealed account, signed in."""
    return Safe.of(make_user("glass-1", ["auditor"]), admin, tenant, tmp_path)


@pytest.fixture
def second(tenant: Tenant, admin: User, make_user: MakeUser, tmp_path: Path) -> Safe:
    """Return the holder of another sealed account, signed in."""
    return Safe.of(make_user("glass-2", ["auditor"]), admin, tenant, tmp_path)
