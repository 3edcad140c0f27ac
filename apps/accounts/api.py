"""Tenants over REST: the one that the token belongs to."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from typing_extensions import override

from apps.accounts.permissions import TenantScopedView
from apps.tenants.models import Tenant
from apps.tenants.selectors import tenants
from apps.tenants.services import require_tenant_id


class TenantSerializer(serializers.ModelSerializer[Tenant]):
    """A tenant."""

    class Meta:
        model = Tenant
        fields = ["id", "slug", "name", "created_at"]


class TenantList(TenantScopedView, ListAPIView[Tenant]):
    """List the tenants that the token may read: its own."""

    serializer_class = TenantSerializer
    view_permission = "accounts.view_membership"

    @override
    def get_queryset(self) -> QuerySet[Tenant]:
        return tenants().filter(pk=require_tenant_id())
