"""Tenants are created by somebody, with a short name that is theirs alone."""

from __future__ import annotations

import pytest

from apps.audit.events import Actor
from apps.tenants.errors import (
    TenantContextMissingError,
    TenantInvalidError,
    TenantSlugTakenError,
)
from apps.tenants.models import Tenant
from apps.tenants.services import (
    create_tenant,
    current_tenant_id,
    require_tenant_id,
    tenant_scope,
)

ACTOR = Actor.command("tests")


@pytest.mark.django_db
def test_a_tenant_is_created() -> None:
    assert create_tenant(actor=ACTOR, slug="initech", name="Initech").slug == "initech"


@pytest.mark.django_db
def test_a_tenant_needs_an_actor() -> None:
    with pytest.raises(TypeError):
        create_tenant(actor=None, slug="initech", name="Initech")


@pytest.mark.django_db
@pytest.mark.parametrize("slug", ["", "Initech", "-initech", "in itech", "a" * 41])
def test_a_short_name_has_a_shape(slug: str) -> None:
    with pytest.raises(TenantInvalidError) as refusal:
        create_tenant(actor=ACTOR, slug=slug, name="Initech")
    assert refusal.value.field == "slug"


def test_a_short_name_is_used_once(tenant: Tenant) -> None:
    with pytest.raises(TenantSlugTakenError):
        create_tenant(actor=ACTOR, slug=tenant.slug, name="Other")


def test_a_scope_ends_with_its_block(tenant: Tenant) -> None:
    with tenant_scope(tenant.pk):
        assert require_tenant_id() == tenant.pk
    assert current_tenant_id() is None
    with pytest.raises(TenantContextMissingError):
        require_tenant_id()
