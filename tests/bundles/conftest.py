"""A tenant that can sign."""

from __future__ import annotations

import pytest

from apps.audit.events import Actor
from apps.keys.tasks import ensure_tenant_keys
from apps.tenants.models import Tenant


@pytest.fixture
def signing_tenant(tenant: Tenant) -> Tenant:
    """Return a tenant with keys; its scope is not open."""
    ensure_tenant_keys(actor=Actor.system("tests"), tenant_id=tenant.pk)
    return tenant
