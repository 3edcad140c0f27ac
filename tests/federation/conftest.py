"""Providers that run, and tenants that know them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from apps.accounts.models import User
from apps.federation import adapters, services
from apps.federation.choices import ClientAuth
from apps.federation.models import FederatedLink, IdentityProvider
from apps.federation.services import ProviderValues
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.accounts import SYSTEM, MakeUser
from tests.simulators.provider import CLIENT_ID, SimulatedProvider, running

SUBJECT = "ada-at-idp"


@pytest.fixture(autouse=True)
def providers_on_this_machine(settings: Settings) -> None:
    """Let the portal reach the providers of the tests, which are on loopback."""
    settings.PORTWARD_FEDERATION_ALLOW_PRIVATE = True


@pytest.fixture(scope="session")
def served() -> Iterator[SimulatedProvider]:
    """Serve one provider for all tests."""
    with running() as provider:
        yield provider


@pytest.fixture
def idp(served: SimulatedProvider) -> SimulatedProvider:
    """Return the provider as it is before a test changes it."""
    served.reset()
    return served


def make_provider(
    tenant: Tenant,
    issuer: str,
    *,
    slug: str = "sso",
    client_auth: ClientAuth = ClientAuth.SECRET_BASIC,
    max_age: int | None = None,
    acr_values: str = "",
    scopes: str = "openid",
) -> IdentityProvider:
    """Discover a provider and let the tenant's people sign in by it."""
    values = ProviderValues(
        name="Acme SSO",
        slug=slug,
        issuer=issuer,
        client_id=CLIENT_ID,
        client_auth=client_auth.value,
        scopes=scopes,
        acr_values=acr_values,
        max_age=max_age,
        secret="s3cret" if client_auth is not ClientAuth.PRIVATE_KEY else "",
    )
    metadata = adapters.discover(issuer, client_auth=client_auth.value)
    with tenant_scope(tenant.pk):
        provider = services.create_provider(
            actor=SYSTEM, values=values, metadata=metadata
        )
    adapters.ensure_key(provider.key_reference)
    return provider


def link_person(
    provider: IdentityProvider, user: User, subject: str = SUBJECT
) -> FederatedLink:
    """Link a subject with a person."""
    with tenant_scope(provider.tenant_id):
        return services.link(
            actor=SYSTEM, provider=provider, user=user, subject=subject
        )


@pytest.fixture
def provider(tenant: Tenant, idp: SimulatedProvider) -> IdentityProvider:
    """Return a provider of the tenant that answers as it should."""
    return make_provider(tenant, idp.issuer)


@pytest.fixture
def ada(make_user: MakeUser) -> User:
    """Return a person of the tenant."""
    return make_user("ada", ["auditor"])


@pytest.fixture
def linked(provider: IdentityProvider, ada: User) -> FederatedLink:
    """Return the link between the provider's subject and the person."""
    return link_person(provider, ada)


@pytest.fixture
def browser(client: Client) -> Client:
    """Return a browser without a session."""
    return client
