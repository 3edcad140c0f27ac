"""Change what is live, and have it released, through the same services as the UI."""

from __future__ import annotations

from apps.audit.events import Actor
from apps.bundles import selectors, services
from apps.bundles.models import Release
from apps.outbox.services import drain
from apps.roles.rules import EntrySpec
from apps.roles.services import save_principal
from apps.tenants.models import Tenant
from apps.tenants.services import tenant_scope
from protocol.records import EntityRef

SYSTEM = Actor.command("tests")


def change_state(tenant: Tenant, name: str) -> None:
    """Make one more principal live; the service leaves a message."""
    with tenant_scope(tenant.pk):
        save_principal(actor=SYSTEM, spec=EntrySpec(EntityRef("User", name)))


def request_release(tenant: Tenant) -> None:
    """Ask for a release of the live state."""
    with tenant_scope(tenant.pk):
        services.request_release(actor=SYSTEM)


def release_of(tenant: Tenant, name: str) -> Release:
    """Change the state, deliver the messages, and return the signed release."""
    change_state(tenant, name)
    drain()
    return newest(tenant)


def newest(tenant: Tenant) -> Release:
    """Return the newest signed release."""
    with tenant_scope(tenant.pk):
        release = selectors.newest_signed()
    assert release is not None
    return release
