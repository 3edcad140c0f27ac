"""The deploy check finds what a node would refuse."""

from __future__ import annotations

import pytest
from django.db import connection

from apps.bundles.checks import newest_releases_verify
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from tests.factories.bundles import release_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_good_release_raises_no_error(signing_tenant: Tenant) -> None:
    release_of(signing_tenant, "alice")
    assert newest_releases_verify(None, databases=["default"]) == []


def test_nothing_is_asked_of_a_database_that_is_not_named() -> None:
    assert newest_releases_verify(None) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE bundles_release SET snapshot = snapshot || '\\x00'::bytea",
        "UPDATE bundles_release SET revision = revision + 1",
        "UPDATE bundles_release SET state_digest = 'sha256:' || repeat('0', 64)",
        "UPDATE bundles_bundlesignature SET targets = snapshot",
    ],
)
def test_a_changed_row_is_found(signing_tenant: Tenant, change: str) -> None:
    release_of(signing_tenant, "alice")
    with connection.cursor() as cursor:
        # Only a superuser gets past the triggers.
        cursor.execute("SET ROLE NONE")
        for table in ("bundles_release", "bundles_bundlesignature"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        with tenant_scope(signing_tenant.pk):
            cursor.execute(change)
        for table in ("bundles_release", "bundles_bundlesignature"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        cursor.execute("SET ROLE portward_app")
    (error,) = newest_releases_verify(None, databases=["default"])
    assert error.id == "bundles.E001"
