"""Questions about tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.tenants.errors import TenantNotFoundError
from apps.tenants.models import Tenant

if TYPE_CHECKING:
    import uuid

    from django.db.models import QuerySet


def tenants() -> QuerySet[Tenant]:
    """Return all tenants, by short name. For jobs that loop over them."""
    return Tenant.objects.order_by("slug")


def tenant_by_slug(slug: str) -> Tenant:
    """Return the tenant with this short name or raise TenantNotFoundError."""
    try:
        return Tenant.objects.get(slug=slug)
    except Tenant.DoesNotExist as error:
        raise TenantNotFoundError(f"There is no tenant “{slug}”.") from error


def tenant_by_id(tenant_id: uuid.UUID) -> Tenant:
    """Return the tenant with this id or raise TenantNotFoundError."""
    try:
        return Tenant.objects.get(pk=tenant_id)
    except Tenant.DoesNotExist as error:
        raise TenantNotFoundError from error
