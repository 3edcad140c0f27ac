"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoDbBlocker

from apps.accounts.models import User
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories import accounts
from tests.simulators.authenticator import SimulatedAuthenticator


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None,  # noqa: ARG001  # extends the fixture of pytest-django
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[None]:
    """Run every test as the role that does not own the tables.

    The database was created and migrated by the owner. TRUNCATE is what Django uses to
    empty tables after a transactional test; only here does the role get it.
    """
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute(
                "GRANT TRUNCATE ON ALL TABLES IN SCHEMA public TO portward_app"
            )
        connection.close()
        connection.settings_dict["OPTIONS"]["options"] = "-c role=portward_app"
    yield
    with django_db_blocker.unblock():
        connection.close()
        connection.settings_dict["OPTIONS"].pop("options")


@pytest.fixture
def tenant(db: None) -> Tenant:  # noqa: ARG001
    """Return a tenant whose scope is not open."""
    return Tenant.objects.create(slug="acme", name="Acme")


@pytest.fixture
def other_tenant(db: None) -> Tenant:  # noqa: ARG001
    """Return a second tenant."""
    return Tenant.objects.create(slug="globex", name="Globex")


@pytest.fixture
def in_tenant(tenant: Tenant) -> Iterator[Tenant]:
    """Open the scope of the tenant for the test."""
    with tenant_scope(tenant.pk):
        yield tenant


@pytest.fixture
def make_user(tenant: Tenant) -> accounts.MakeUser:
    """Return a function that creates a person with roles in the tenant."""

    def make(
        username: str, roles: Sequence[str] = (), *, is_demo: bool = False
    ) -> User:
        return accounts.make_user(username, roles, tenant=tenant, is_demo=is_demo)

    return make


@pytest.fixture
def software_authenticator(tmp_path: Path) -> SimulatedAuthenticator:
    """Return an authenticator that has no credential yet."""
    return accounts.make_authenticator(tmp_path)


@pytest.fixture
def signed_in_client(tmp_path: Path) -> accounts.SignedInClient:
    """Return a function that gives a test client with a verified passkey session."""

    def client_for(user: User) -> Client:
        return accounts.signed_in_client(user, tmp_path)

    return client_for


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say it aloud when the browser tests could not run."""
    skipped = [
        report
        for report in terminalreporter.stats.get("skipped", [])
        if "NO BROWSER" in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.section("browser tests skipped", yellow=True)
        terminalreporter.line(
            f"{len(skipped)} browser tests did not run: no Chromium on PATH, and "
            "neither the system's packages nor Playwright could provide one."
        )
