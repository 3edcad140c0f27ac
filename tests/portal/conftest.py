"""A running edge, a tenant with a release, and an enrolled node."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.keys.tasks import ensure_tenant_keys
from apps.tenants.models import Tenant
from tests.factories.bundles import release_of
from tests.portal.served_edge import ACTOR, ClosingStore, NodeClient, Served, token_for


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr("portal.edge.application.Store", ClosingStore)
    running = Served()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def released(tenant: Tenant) -> Tenant:
    ensure_tenant_keys(actor=ACTOR, tenant_id=tenant.pk)
    release_of(tenant, "first")
    return tenant


@pytest.fixture
def node(served: Served, released: Tenant) -> NodeClient:
    client = NodeClient(served, released, "web-1")
    assert client.enroll(token_for(released, "web-1")).status == 201
    return client
